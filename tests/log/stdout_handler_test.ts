import assert from "node:assert/strict";
import { utf8Decode } from "../../src/base/bytes.ts";
import { createLogging } from "../../src/log/logging.ts";
import { MOST_WAITING, StdoutHandler } from "../../src/log/stdout_handler.ts";
import { test } from "../kit/test.ts";

class Pipe {
  readonly writes: string[] = [];
  terminal = false;
  /** What the next write throws. */
  error: Error | undefined;
  /** Most octets taken at once. */
  most = Infinity;
  isTerminal(): boolean {
    return this.terminal;
  }
  writeSync(from: Uint8Array): number {
    if (this.error !== undefined) throw this.error;
    const taken = from.subarray(0, Math.min(this.most, from.length));
    this.writes.push(utf8Decode(taken));
    return taken.length;
  }
}

function make(pipe: Pipe) {
  const waits: (() => void)[] = [];
  const clock = { now: () => 0, after: (_ms: number, run: () => void) => (waits.push(run), { cancel() {} }) };
  const handler = new StdoutHandler(pipe, clock);
  const logging = createLogging({ clock, sinks: [handler], level: "DATA" });
  return { handler, logging, log: logging.root, waits };
}
const settled = () => new Promise<void>((resolve) => setTimeout(resolve, 0));
const full = () => Object.assign(new Error("later"), { name: "WouldBlock" });

test("lines of one tick go out in one write", async () => {
  const pipe = new Pipe();
  const { log } = make(pipe);
  log.info("a");
  log.info("b");
  assert.deepEqual(pipe.writes, []);
  await settled();
  log.info("c");
  await settled();
  assert.deepEqual(pipe.writes, ["[INFO] [-] [core] a\n[INFO] [-] [core] b\n", "[INFO] [-] [core] c\n"]);
});

test("flush writes at once, a write taken in pieces is finished", () => {
  const pipe = new Pipe();
  pipe.most = 5;
  const { logging, log } = make(pipe);
  log.info("grün");
  logging.flush();
  assert.equal(pipe.writes.join("").length > 10, true);
  assert.ok(pipe.writes.length > 3);
});

test("[row 64] colours are for terminals only, by level", () => {
  const pipe = new Pipe();
  pipe.terminal = true;
  const { logging, log } = make(pipe);
  log.error("x");
  log.info("y");
  logging.flush();
  assert.equal(pipe.writes[0], "\x1b[31m[ERROR] [-] [core] x\x1b[39m\n\x1b[36m[INFO] [-] [core] y\x1b[39m\n");
  const plain = new Pipe();
  const other = make(plain);
  other.log.error("x");
  other.logging.flush();
  assert.equal(plain.writes[0]!.includes("\x1b"), false);
});

test("a pipe that is full is tried again and loses nothing", () => {
  const pipe = new Pipe();
  pipe.error = full();
  const { logging, log, waits } = make(pipe);
  log.info("a");
  logging.flush();
  log.info("b");
  pipe.error = undefined;
  waits.shift()!();
  assert.equal(pipe.writes.join(""), "[INFO] [-] [core] a\n[INFO] [-] [core] b\n");
});

test("past its bound a full pipe costs lines, and says how many", () => {
  const pipe = new Pipe();
  pipe.error = full();
  const { logging, log, waits } = make(pipe);
  const long = "x".repeat(1024 * 1024);
  for (let i = 0; i < 8; i++) log.info(long);
  logging.flush();
  assert.equal(waits.length, 1);
  pipe.error = undefined;
  waits.shift()!();
  const out = pipe.writes.join("");
  assert.ok(out.length < MOST_WAITING + 2 * 1024 * 1024);
  assert.match(out, /\[WARN\] \[-\] \[core\] \d+ log lines were dropped/);
});

test("a pipe that is gone is forgotten", () => {
  const pipe = new Pipe();
  pipe.error = Object.assign(new Error("EPIPE"), { code: "EPIPE" });
  const { logging, log, waits } = make(pipe);
  log.info("a");
  logging.flush();
  pipe.error = undefined;
  log.info("b");
  logging.flush();
  assert.deepEqual(pipe.writes, []);
  assert.equal(waits.length, 0);
});
