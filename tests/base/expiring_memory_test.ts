import assert from "node:assert/strict";
import { ProcessMemory } from "../../src/base/expiring_memory.ts";
import { FakeClock } from "../kit/fake_clock.ts";
import { test } from "../kit/test.ts";

test("a key is remembered for its time, and ten thousand at most", async () => {
  const clock = new FakeClock();
  const memory = new ProcessMemory(clock);
  memory.add("a", 1000);
  await clock.advance(999);
  assert.equal(memory.has("a"), true);
  await clock.advance(1);
  assert.equal(memory.has("a"), false);
  for (let n = 0; n <= 10_000; n++) memory.add(String(n), 1000);
  assert.deepEqual([memory.has("0"), memory.has("1"), memory.has("10000")], [false, true, true]);
});
