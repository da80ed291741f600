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

test("one timer serves all sessions, whatever the traffic, and each has its own time", async () => {
  const clock = new FakeClock();
  const idle: number[] = [];
  const watches = [0, 1, 2].map((n) => new IdleWatch(clock, 1000, () => idle.push(n)));
  for (let i = 0; i < 1000; i++) {
    for (const watch of watches) {
      watch.waiting();
      watch.active();
    }
  }
  assert.equal(clock.pending, 1);
  watches[0]!.waiting();
  await clock.advance(600);
  watches[1]!.waiting();
  await clock.advance(526);
  assert.deepEqual(idle, [0]);
  await clock.advance(600);
  assert.deepEqual(idle, [0, 1]);
  await clock.advance(5000);
  assert.deepEqual(idle, [0, 1]);
  assert.equal(clock.pending, 1);
  watches[2]!.stop();
  assert.equal(clock.pending, 0);
  assert.equal(new IdleWatch(clock, 0, () => {}) instanceof IdleWatch && clock.pending, 0);
});
