/**
 * Delivery over real loopback sockets: messages/s and CPU per message of `createCourier`, beside a bare sending loop with no policy.
 *
 *     deno run -A --unstable-net tests/bench/delivery_bench.ts [messages] [senders] [octets]
 *
 * The sink answers at once and runs in a process of its own, so that the CPU told is the sender's alone.
 */
import { utf8Encode } from "../../src/base/bytes.ts";
import { createCourier } from "../../src/delivery/courier.ts";
import { DELIVERY_DEFAULTS } from "../../src/delivery/settings.ts";
import type { Item } from "../../src/hooks/outbound.ts";
import { thisMachine } from "../../src/host/machine.ts";
import type { Machine } from "../../src/host/types.ts";
import { parseAddress } from "../../src/mail/address.ts";
import { createMessage } from "../../src/mail/message.ts";
import { memorySource } from "../../src/mail/source.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { zone } from "../kit/zone.ts";

/** Reads commands and bodies as little as it can. */
async function sink(): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  console.log((listener.addr as Deno.NetAddr).port);
  const encoder = new TextEncoder();
  const decoder = new TextDecoder("latin1");
  for await (const conn of listener) {
    (async () => {
      conn.setNoDelay();
      const say = (text: string) => conn.write(encoder.encode(text));
      const buffer = new Uint8Array(65536);
      let tail = "";
      let inData = false;
      await say("220 sink\r\n");
      for (;;) {
        const length = await conn.read(buffer);
        if (length === null) break;
        if (inData) {
          tail = (tail + decoder.decode(buffer.subarray(Math.max(0, length - 5), length))).slice(-5);
          if (tail !== "\r\n.\r\n") continue;
          inData = false;
          tail = "";
          await say("250 2.0.0 ok\r\n");
          continue;
        }
        let out = "";
        for (const line of decoder.decode(buffer.subarray(0, length)).split("\r\n")) {
          const verb = line.slice(0, 4);
          if (verb === "EHLO") out += "250-sink\r\n250-PIPELINING\r\n250-SIZE 50000000\r\n250 8BITMIME\r\n";
          else if (verb === "DATA") out += "354 go\r\n", inData = true;
          else if (verb === "QUIT") out += "221 bye\r\n";
          else if (verb !== "") out += "250 2.1.0 ok\r\n";
        }
        await say(out);
      }
      conn.close();
    })().catch(() => {});
  }
}

interface Result {
  readonly perSecond: number;
  readonly cpuMicros: number;
}

async function measure(count: number, senders: number, one: (sender: number) => Promise<void>): Promise<Result> {
  const cpu = () => {
    const { user, system } = process_.cpuUsage();
    return user + system;
  };
  let left = count;
  const [began, spent] = [performance.now(), cpu()];
  await Promise.all(Array.from({ length: senders }, async (_, sender) => {
    while (left-- > 0) await one(sender);
  }));
  return { perSecond: Math.round(count / ((performance.now() - began) / 1000)), cpuMicros: (cpu() - spent) / count };
}
const real = await thisMachine();
const process_ = (globalThis as unknown as { process: { cpuUsage(): { user: number; system: number } } }).process;

function body(octets: number): Uint8Array<ArrayBuffer> {
  const line = "A line of a message that looks like many another line of text. Yes.\r\n";
  return utf8Encode(
    "Subject: bench\r\n\r\n" + line.repeat(Math.ceil(octets / line.length)).slice(0, octets - 2) + "\r\n",
  );
}

async function bare(port: number, count: number, senders: number, octets: number): Promise<Result> {
  const encoder = new TextEncoder();
  const decoder = new TextDecoder("latin1");
  const envelope = encoder.encode("MAIL FROM:<me@us.example>\r\nRCPT TO:<you@example.com>\r\nDATA\r\n");
  const text = body(octets);
  const job = new Uint8Array(text.length + 3);
  job.set(text);
  job.set(encoder.encode(".\r\n"), text.length);
  const connections = await Promise.all(Array.from({ length: senders }, async () => {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    conn.setNoDelay();
    const buffer = new Uint8Array(4096);
    let held = "";
    const reply = async () => {
      for (;;) {
        const end = held.indexOf("\n");
        if (end < 0) {
          const length = await conn.read(buffer);
          if (length === null) throw new Error("end");
          held += decoder.decode(buffer.subarray(0, length));
          continue;
        }
        const line = held.slice(0, end);
        held = held.slice(end + 1);
        if (line[3] !== "-") return line;
      }
    };
    const write = async (bytes: Uint8Array) => {
      for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
    };
    await reply();
    await write(encoder.encode("EHLO us.example\r\n"));
    await reply();
    return { conn, reply, write };
  }));
  const result = await measure(count, senders, async (sender) => {
    const { reply, write } = connections[sender]!;
    await write(envelope);
    await reply();
    await reply();
    await reply();
    await write(job);
    await reply();
  });
  for (const { conn } of connections) conn.close();
  return result;
}

async function ours(port: number, count: number, senders: number, octets: number, keep: boolean): Promise<Result> {
  const { log } = memoryLog("ERROR");
  const machine: Machine = {
    ...real,
    resolver: zone({ "example.com": { MX: ["10 mx.example.com"] }, "mx.example.com": { A: ["127.0.0.1"] } }),
  };
  const settings = {
    ...DELIVERY_DEFAULTS,
    helo: "us.example",
    connectionsPerDestination: senders,
    relayHosts: [{ host: "127.0.0.1", port, priority: 0, protocol: "smtp" as const }],
    ...(keep ? {} : { idleMs: 0 }),
  };
  const hooks = { has: () => false, run: () => ({ verdict: undefined, by: undefined }) };
  const courier = createCourier({ machine, hooks, log, settings: () => settings });
  const text = memorySource(body(octets));
  const recipient = { address: parseAddress("<you@example.com>")!, parameters: new Map() };
  const sender = parseAddress("<me@us.example>")!;
  const signal = new AbortController().signal;
  const result = await measure(count, senders, async () => {
    const item: Item = {
      id: "B.1",
      domain: "example.com",
      envelope: { id: "B", sender, recipients: [recipient], notes: {}, smtpUtf8: false },
      recipients: [recipient],
      attempts: 0,
      queuedAt: 0,
      size: text.size,
      log,
    };
    const { outcomes } = await courier.deliver(item, createMessage(text), signal);
    if (outcomes[0]!.kind !== "delivered") throw new Error(`not delivered: ${JSON.stringify(outcomes)}`);
  });
  await courier.stop();
  return result;
}

if (Deno.args[0] === "sink") await sink();
else {
  const [count = 20_000, senders = 10, octets = 5000] = Deno.args.map(Number);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-lock", "--no-check", import.meta.filename!, "sink"],
    stdout: "piped",
  }).spawn();
  try {
    const { value } = await child.stdout.getReader().read();
    const port = Number(new TextDecoder().decode(value).trim());
    console.log(`${count} messages of ${octets} octets, ${senders} senders`);
    for (let round = 0; round < 3; round++) {
      const rows: [string, Result][] = [
        ["bare loop, kept connections", await bare(port, count, senders, octets)],
        ["courier, kept connections", await ours(port, count, senders, octets, true)],
        ["courier, a connection each", await ours(port, Math.ceil(count / 10), senders, octets, false)],
      ];
      for (const [name, { perSecond, cpuMicros }] of rows) {
        console.log(`${name.padEnd(30)} ${String(perSecond).padStart(7)}/s ${cpuMicros.toFixed(1).padStart(7)} µs CPU`);
      }
    }
  } finally {
    child.kill();
    await child.status;
  }
}
