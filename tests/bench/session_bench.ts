/**
 * What a whole transaction costs in memory: `deno run -A tests/bench/session_bench.ts [messages]`.
 *
 * No plugins, a relaying client, a queue that takes everything at once: what is left is the session. The same octets are also read
 * through the streams alone, so that their share can be taken off. Prints microseconds per message.
 */
import process from "node:process";
import { concat, latin1Encode } from "../../src/base/bytes.ts";
import type { Bytes } from "../../src/base/bytes.ts";
import { systemClock } from "../../src/base/clock.ts";
import { HookRunner } from "../../src/hooks/hook_runner.ts";
import { createLogging } from "../../src/log/logging.ts";
import type { SessionContext } from "../../src/session/context.ts";
import { runSession } from "../../src/session/session.ts";
import { LIMITS, SETTINGS } from "../kit/session_kit.ts";
import { zone } from "../kit/zone.ts";

const HEAD = "From: a@b.test\r\nTo: c@d.test\r\nSubject: a message like many\r\n" +
  "Date: Sun, 22 Nov 2026 11:00:41 +0000\r\nMessage-Id: <1@b.test>\r\n\r\n";
const BODY = latin1Encode(HEAD + `${"x".repeat(78)}\r\n`.repeat(Math.ceil((5000 - HEAD.length) / 80)));
const END = latin1Encode(".\r\n");
const MESSAGE = concat([BODY, END]);

/** What the client writes each time it has heard the replies to what came before. */
type Script = readonly string[] | readonly (string | Bytes)[];
const SCRIPTS: { readonly [name: string]: Script } = {
  "one command at a time": ["MAIL FROM:<a@b.test>\r\n", "RCPT TO:<c@d.test>\r\n", "DATA\r\n", MESSAGE],
  "pipelined": ["MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n", MESSAGE],
};

async function main(): Promise<void> {
  const messages = Number(process.argv[2] ?? 20_000);
  for (const [name, script] of Object.entries(SCRIPTS)) {
    const steps = script.map((each) => typeof each === "string" ? latin1Encode(each) : each);
    for (const reuse of [true, false]) {
      let best = Infinity;
      let floor = Infinity;
      for (let round = 0; round < 5; round++) {
        best = Math.min(best, await timed(messages, (n) => converse(steps, n, reuse)));
        floor = Math.min(floor, await timed(messages, (n) => streamsAlone(steps, n)));
      }
      console.log(
        `${name}, ${reuse ? "one connection" : "a connection each"}: ${best.toFixed(1)} µs per message, ` +
          `streams alone ${floor.toFixed(1)}, the session ${(best - floor).toFixed(1)}`,
      );
    }
  }
}

async function timed(messages: number, run: (n: number) => Promise<void>): Promise<number> {
  const before = performance.now();
  await run(messages);
  return (performance.now() - before) * 1000 / messages;
}

/** A client that writes its next step as soon as all replies are there. */
function wire(steps: readonly Bytes[], times: number, opening: boolean) {
  const hello = latin1Encode("EHLO me\r\n");
  const quit = latin1Encode("QUIT\r\n");
  let i = -2;
  const last = steps.length * times;
  const next = (): Bytes | undefined => {
    i++;
    if (opening && i === -1) return hello;
    if (i < 0) i = 0;
    if (i < last) return steps[i % steps.length]!;
    return i === last ? quit : undefined;
  };
  let wake: (() => void) | undefined;
  let ready = false;
  const readable = new ReadableStream({
    type: "bytes",
    async pull(controller: ReadableByteStreamController) {
      if (!ready) await new Promise<void>((resolve) => wake = resolve);
      ready = false;
      wake = undefined;
      const view = controller.byobRequest?.view as Uint8Array | undefined;
      const bytes = rest ?? next();
      if (bytes === undefined) {
        controller.close();
        controller.byobRequest?.respond(0);
      } else if (view === undefined) {
        rest = undefined;
        controller.enqueue(bytes.slice());
      } else {
        const part = bytes.subarray(0, view.length);
        view.set(part);
        rest = part.length < bytes.length ? bytes.subarray(part.length) : undefined;
        if (rest !== undefined) ready = true;
        controller.byobRequest!.respond(part.length);
      }
    },
  });
  let rest: Bytes | undefined;
  const writable = new WritableStream<Uint8Array<ArrayBufferLike>>({
    write() {
      ready = true;
      wake?.();
    },
  });
  return { readable: readable as ReadableStream<Bytes>, writable };
}

async function converse(steps: readonly Bytes[], messages: number, reuse: boolean): Promise<void> {
  const each = reuse ? messages : 1;
  for (let done = 0; done < messages; done += each) {
    const { readable, writable } = wire(steps, each, true);
    await runSession(readable, writable, CONTEXT);
  }
  if (taken !== messages) throw new Error(`Cannot measure: ${taken} of ${messages} messages were taken`);
  taken = 0;
}

async function streamsAlone(steps: readonly Bytes[], messages: number): Promise<void> {
  const { readable, writable } = wire(steps, messages, false);
  const reader = readable.getReader({ mode: "byob" });
  const writer = writable.getWriter();
  const reply = latin1Encode("250 2.0.0 Message Queued (2808EB78-3F72-4945-A378-06363AC6BCFC.1)\r\n");
  let buffer: Bytes = new Uint8Array(16384);
  for (;;) {
    await writer.write(reply);
    const { value, done } = await reader.read(buffer);
    if (done) break;
    buffer = new Uint8Array(value!.buffer as ArrayBuffer);
  }
}

let taken = 0;
const logging = createLogging({ level: "ERROR", sinks: [], clock: systemClock });
const hooks = new HookRunner({ clock: systemClock, log: logging.root });
hooks.add({ name: "relay" }, { connect: ({ session }) => void (session.relaying = true) });
const CONTEXT: SessionContext = {
  local: { transport: "tcp", hostname: "127.0.0.1", port: 25 },
  remote: { transport: "tcp", hostname: "127.0.0.1", port: 40_000 },
  hooks,
  log: logging.root,
  clock: systemClock,
  resolver: zone(),
  settings: { ...SETTINGS, addReceived: true, limits: { ...LIMITS } },
  enqueue(_envelope, message) {
    message.render();
    taken++;
    return Promise.resolve();
  },
  spool: () => {
    throw new Error("Cannot spool: the bench has no disk");
  },
  signal: new AbortController().signal,
};

await main();
