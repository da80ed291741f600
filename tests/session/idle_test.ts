import assert from "node:assert/strict";
import { IdleWatch } from "../../src/session/idle.ts";
import { FakeClock } from "../kit/fake_clock.ts";
import { test } from "../kit/test.ts";

test("IdleWatch speaks up when a wait lasts as long as the limit, not before, and at most an eighth later", async () => {
  const clock = new FakeClock();
  let idle = 0;
  const watch = new IdleWatch(clock, 1000, () => idle++);
  await clock.advance(700);
  watch.waiting();
  await clock.advance(999);
  assert.equal(idle, 0);
  await clock.advance(126);
  assert.equal(idle, 1);
  assert.equal(clock.pending, 0);
});

test("IdleWatch does not count time in which nobody waits for the peer", async () => {
  const clock = new FakeClock();
  let idle = 0;
  const watch = new IdleWatch(clock, 1000, () => idle++);
  watch.waiting();
  await clock.advance(900);
  watch.active();
  await clock.advance(10_000);
  watch.waiting();
  await clock.advance(900);
  watch.waiting();
  await clock.advance(900);
  assert.equal(idle, 0);
  watch.stop();
  assert.equal(clock.pending, 0);
});

test("IdleWatch arms one timer, whatever the traffic", () => {
  const clock = new FakeClock();
  const watch = new IdleWatch(clock, 1000, () => {});
  for (let i = 0; i < 1000; i++) {
    watch.waiting();
    watch.active();
  }
  assert.equal(clock.pending, 1);
  watch.stop();
  assert.equal(clock.pending, 0);
  assert.equal(new IdleWatch(clock, 0, () => {}) instanceof IdleWatch && clock.pending, 0);
});
