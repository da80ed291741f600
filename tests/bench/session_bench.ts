/**
 * What a whole transaction costs in memory: `deno run -A tests/bench/session_bench.ts [messages]`.
 *
 * No plugins, a relaying client, a queue that takes everything at once: what is left is the session. The same octets are also read
 * through the streams alone, so that their share can be taken off. Prints microseconds per message.
 */
import process from "node:process";
import { type Bytes, concat, latin1Encode } from "../../src/base/bytes.ts";
import { converse, relayRunner, wire } from "./in_memory.ts";

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
        best = Math.min(best, await timed(messages, (n) => converse(steps, n, reuse, hooks)));
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

const hooks = relayRunner();

await main();
