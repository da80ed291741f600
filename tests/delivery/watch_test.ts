import assert from "node:assert/strict";
import { Watch } from "../../src/delivery/watch.ts";
import { FakeClock } from "../kit/fake_clock.ts";
import { test } from "../kit/test.ts";

test("one timer serves all deadlines, and goes when nothing is watched", async () => {
  const clock = new FakeClock();
  const watch = new Watch(clock);
  const late: string[] = [];
  const watched = (name: string, deadline: number) => {
    const each = { deadline, expire: () => (late.push(name), watch.delete(each)) };
    watch.add(each);
    return each;
  };
  watched("a", 1000);
  watched("b", 3000);
  const never = watched("c", Infinity);
  assert.equal(clock.pending, 1);
  await clock.advance(999);
  assert.deepEqual(late, []);
  await clock.advance(251);
  assert.deepEqual(late, ["a"]);
  await clock.advance(10_000);
  assert.deepEqual(late, ["a", "b"]);
  assert.equal(clock.pending, 1);
  watch.delete(never);
  assert.equal(clock.pending, 0);
  watched("d", 0);
  await clock.advance(250);
  assert.deepEqual(late, ["a", "b", "d"]);
  assert.equal(clock.pending, 0);
});
