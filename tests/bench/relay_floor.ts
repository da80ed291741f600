/**
 * A bare relay with no policy at all: where the ceiling is. One log with a shared fdatasync, reused and pipelined delivery to one sink.
 *
 * `deno run -A tests/bench/relay_floor.ts LISTEN_PORT SINK_PORT LOG_FILE relay|discard`. It understands just what smtp-source says; never use it for mail.
 */
import { concat, latin1Decode, utf8Encode } from "../../src/base/bytes.ts";

const [listenPort, sinkPort] = [Number(Deno.args[0]), Number(Deno.args[1])];
const relay = Deno.args[3] !== "discard";
const log = Deno.openSync(Deno.args[2] ?? "floor.log", { create: true, write: true, truncate: true });
const DELIVERERS = 20;

const outcomes: Uint8Array[] = [];
let batch: Uint8Array[] = [];
let waiters: (() => void)[] = [];
let syncing = false;

async function commit() {
  syncing = true;
  while (batch.length > 0) {
    const bytes = concat([...batch, ...outcomes.splice(0)]);
    const woken = waiters;
    [batch, waiters] = [[], []];
    for (let at = 0; at < bytes.length;) at += log.writeSync(bytes.subarray(at));
    await log.syncData();
    for (const wake of woken) wake();
  }
  syncing = false;
}

function keep(body: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    batch.push(body);
    waiters.push(resolve);
    if (!syncing) commit();
  });
}

const jobs: Uint8Array[] = [];
const idle: ((job: Uint8Array) => void)[] = [];
let deliverers = 0;

function deliver(body: Uint8Array) {
  const wake = idle.pop();
  if (wake) return wake(body);
  jobs.push(body);
  if (deliverers < DELIVERERS) {
    deliverers++;
    deliverer();
  }
}

async function writeAll(conn: Deno.Conn, bytes: Uint8Array) {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}

async function deliverer() {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: sinkPort });
  conn.setNoDelay();
  const buffer = new Uint8Array(4096);
  let text = "";
  const reply = async () => {
    for (;;) {
      const end = text.indexOf("\n");
      if (end >= 0) {
        const last = text[3] !== "-";
        text = text.slice(end + 1);
        if (last) return;
        continue;
      }
      const n = await conn.read(buffer);
      if (n === null) throw new Error("The sink has closed the connection");
      text += latin1Decode(buffer.subarray(0, n));
    }
  };
  await reply();
  await writeAll(conn, utf8Encode("EHLO bench\r\n"));
  await reply();
  const envelope = utf8Encode("MAIL FROM:<a@bench.localhost>\r\nRCPT TO:<b@bench.localhost>\r\nDATA\r\n");
  for (let done = 0;; done++) {
    const job = jobs.shift() ?? await new Promise<Uint8Array>((resolve) => idle.push(resolve));
    await writeAll(conn, envelope);
    for (let i = 0; i < 3; i++) await reply();
    await writeAll(conn, job);
    await reply();
    outcomes.push(utf8Encode(`delivered ${done}\n`));
  }
}

/** Offset behind `CRLF . CRLF` in `bytes[from, to)`, or −1. */
function endOfData(bytes: Uint8Array, from: number, to: number): number {
  for (let i = bytes.indexOf(46, from); i >= 0 && i + 2 < to; i = bytes.indexOf(46, i + 1)) {
    if (bytes[i - 1] === 10 && bytes[i - 2] === 13 && bytes[i + 1] === 13 && bytes[i + 2] === 10) return i + 3;
  }
  return -1;
}

async function session(conn: Deno.TcpConn) {
  conn.setNoDelay();
  const chunk = new Uint8Array(16384);
  let text = "";
  let data: Uint8Array | undefined;
  let length = 0;
  try {
    await writeAll(conn, utf8Encode("220 bare relay\r\n"));
    for (;;) {
      const n = await conn.read(chunk);
      if (n === null) break;
      let rest = chunk.subarray(0, n);
      while (rest.length > 0) {
        if (data) {
          if (length + rest.length > data.length) {
            const larger = new Uint8Array((length + rest.length) * 2);
            larger.set(data.subarray(0, length));
            data = larger;
          }
          data.set(rest, length);
          const end = endOfData(data, Math.max(2, length - 4), length + rest.length);
          const before: number = length;
          length += rest.length;
          if (end < 0) break;
          const body: Uint8Array = data.slice(0, end);
          rest = rest.subarray(end - before);
          data = undefined;
          length = 0;
          if (relay) {
            await keep(body);
            deliver(body);
          }
          await writeAll(conn, utf8Encode("250 2.0.0 ok\r\n"));
          continue;
        }
        text += latin1Decode(rest);
        rest = rest.subarray(rest.length);
        let out = "";
        for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
          const verb = text.slice(0, 4).toUpperCase();
          text = text.slice(end + 1);
          if (verb === "DATA") {
            out += "354 go\r\n";
            data = new Uint8Array(8192);
            break;
          }
          if (verb === "QUIT") {
            await writeAll(conn, utf8Encode(`${out}221 bye\r\n`));
            conn.close();
            return;
          }
          out += "250 ok\r\n";
        }
        if (out !== "") await writeAll(conn, utf8Encode(out));
      }
    }
    conn.close();
  } catch {
    try {
      conn.close();
    } catch { /* closed already */ }
  }
}

for await (const conn of Deno.listen({ hostname: "127.0.0.1", port: listenPort })) session(conn);
