/**
 * Sessions leave nothing behind: the heap after many of them, good ones and bad ones, is as large as after a few.
 *
 * `KASI_LONG=1` takes a million sessions.
 */
import assert from "node:assert/strict";
import process from "node:process";
import v8 from "node:v8";
import vm from "node:vm";
import { concat, latin1Encode } from "../../src/base/bytes.ts";
import { systemClock } from "../../src/base/clock.ts";
import { HookRunner } from "../../src/hooks/hook_runner.ts";
import { deny, ok } from "../../src/hooks/verdict.ts";
import { createLogging } from "../../src/log/logging.ts";
import type { SessionContext } from "../../src/session/context.ts";
import { runSession } from "../../src/session/session.ts";
import { LIMITS, SETTINGS } from "../kit/session_kit.ts";
import { test } from "../kit/test.ts";
import { zone } from "../kit/zone.ts";
import { plainStream } from "../wire/pieces.ts";

const ROUND = process.env.KASI_LONG === "1" ? 200_000 : 3000;
const ROUNDS = 5;

/** What clients do: all goes well, a refusal, a fault of a plugin's, leaving in mid-mail, nonsense, too many errors. */
const SCRIPTS = [
  "EHLO me\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\nSubject: x\r\n\r\nhello\r\n.\r\nQUIT\r\n",
  "EHLO me\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<no@d.test>\r\nRSET\r\nNOOP\r\nQUIT\r\n",
  "EHLO me\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<throw@d.test>\r\nQUIT\r\n",
  "EHLO me\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\nSubject: x\r\n\r\nhal",
  "EHLO me\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nBDAT 4\r\nhalfBDAT 9999\r\nha",
  "FOO\r\n".repeat(30),
  `${"x".repeat(600)}\r\n`,
].map(latin1Encode);

const logging = createLogging({ level: "EMERG", sinks: [], clock: systemClock });
const hooks = new HookRunner({ clock: systemClock, log: logging.root });
hooks.add({ name: "some" }, {
  rcpt({ session, recipient }) {
    session.notes.set("seen", recipient);
    session.results.add("some", { msg: "kept with the session" });
    switch (recipient.address.user) {
      case "no":
        return deny();
      case "throw":
        throw new Error("a plugin's own mistake");
      default:
        return Promise.resolve(ok());
    }
  },
  queue: ({ message }) => message.header.get("Subject") === "x" ? ok() : undefined,
});
const CONTEXT: SessionContext = {
  local: { transport: "tcp", hostname: "127.0.0.1", port: 25 },
  remote: { transport: "tcp", hostname: "127.0.0.1", port: 40_000 },
  hooks,
  log: logging.root,
  clock: systemClock,
  resolver: zone(),
  settings: { ...SETTINGS, limits: { ...LIMITS, errors: 10 } },
  enqueue: ({ id }) => Promise.resolve({ id, repeated: false }),
  spool: () => {
    throw new Error("these messages are small");
  },
  signal: new AbortController().signal,
};

function heap(collect: () => void): number {
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}

test(`the heap after ${ROUND * ROUNDS} sessions is that after ${ROUND}`, { timeoutMs: 600_000 }, async () => {
  v8.setFlagsFromString("--expose_gc");
  const collect = vm.runInNewContext("gc") as () => void;
  const heaps: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    for (let i = 0; i < ROUND; i++) {
      const said: Uint8Array[] = [];
      const writable = new WritableStream<Uint8Array<ArrayBufferLike>>({
        write: (bytes) => void said.push(bytes.slice()),
      });
      await runSession(plainStream([SCRIPTS[i % SCRIPTS.length]!]), writable, CONTEXT);
      assert.equal(concat(said).subarray(0, 3).join(), "50,50,48");
    }
    heaps.push(heap(collect));
  }
  const grown = (heaps.at(-1)! - heaps[0]!) / (ROUND * (ROUNDS - 1));
  console.log(
    `heap: ${heaps.map((octets) => (octets / 1e6).toFixed(2)).join(" → ")} MB; ${grown.toFixed(1)} octets a session`,
  );
  // A listener or a timer left behind would be hundreds of octets a session.
  assert.ok(grown < 50, `${grown} octets a session stay`);
});
