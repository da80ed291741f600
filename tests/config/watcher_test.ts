import assert from "node:assert/strict";
import { Quiet, watchDirectory } from "../../src/config/watcher.ts";
import { FakeClock } from "../kit/fake_clock.ts";
import { memoryMachine } from "../kit/memory_host.ts";
import { test } from "../kit/test.ts";

test("it waits for quiet, but not for ever", async () => {
  const clock = new FakeClock();
  let runs = 0;
  const quiet = new Quiet(clock, 100, () => void runs++);
  quiet.poke();
  await clock.advance(99);
  assert.equal(runs, 0);
  await clock.advance(1);
  assert.equal(runs, 1);
  for (let i = 0; i < 12; i++) {
    quiet.poke();
    await clock.advance(50);
  }
  assert.equal(runs, 2);
  quiet.poke();
  quiet.cancel();
  await clock.advance(1_000);
  assert.deepEqual([runs, clock.pending], [2, 0]);
});

test("a directory that cannot be watched is told of, not thrown", () => {
  const machine = memoryMachine();
  const host = {
    ...machine.host,
    watchFs: () => {
      throw new Error("no watches left");
    },
  };
  const lost: unknown[] = [];
  watchDirectory(host, "/none", assert.fail, (reason) => lost.push(String(reason))).close();
  assert.deepEqual(lost, ["Error: no watches left"]);
});
