import assert from "node:assert/strict";
import { FakeTime } from "@std/testing/time";
import { sleep, systemClock } from "../../src/base/clock.ts";
import { FakeClock } from "../kit/fake_clock.ts";
import { test } from "../kit/test.ts";

test("the system's clock tells the time and fires once, also after more than setTimeout can count", () => {
  using time = new FakeTime(1000);
  assert.equal(systemClock.now(), 1000);
  const long = 2_147_483_647 * 2 + 5;
  const fired: number[] = [];
  systemClock.after(long, () => fired.push(systemClock.now()));
  systemClock.after(10, () => fired.push(systemClock.now()));
  const cancelled = systemClock.after(20, () => fired.push(-1));
  cancelled.cancel();
  cancelled.cancel();
  time.tick(long - 1);
  assert.deepEqual(fired, [1010]);
  time.tick(1);
  assert.deepEqual(fired.slice(1), [1000 + long]);
  time.tick(long);
  assert.equal(fired.length, 2);
});

test("a long timer can be cancelled after its first step", () => {
  using time = new FakeTime(0);
  let fired = 0;
  const timer = systemClock.after(2_147_483_647 + 100, () => fired++);
  time.tick(2_147_483_647 + 50);
  timer.cancel();
  time.tick(1000);
  assert.equal(fired, 0);
});

test("the monotonic clock never goes back", () => {
  const first = systemClock.monotonic();
  assert.ok(systemClock.monotonic() >= first);
});

test("sleep ends in time, or with the signal's reason and no timer left", async () => {
  const clock = new FakeClock();
  let awake = false;
  const slept = sleep(clock, 50).then(() => awake = true);
  await clock.advance(49);
  assert.equal(awake, false);
  await clock.advance(1);
  await slept;
  const controller = new AbortController();
  const aborted = sleep(clock, 50, controller.signal);
  controller.abort(new Error("over"));
  await assert.rejects(aborted, /over/);
  await assert.rejects(sleep(clock, 50, controller.signal), /over/);
});
