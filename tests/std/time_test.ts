import assert from "node:assert/strict";
import { FakeTime, TimeError } from "@std/testing/time";
import { test } from "../kit/test.ts";

test("while time is faked, dates and timers go by it; then the real ones are back", () => {
  const realDate = Date;
  const realTimeout = setTimeout;
  {
    using time = new FakeTime(9001);
    assert.equal(Date.now(), 9001);
    assert.equal(new Date().getTime(), 9001);
    assert.equal(new Date(5).getTime(), 5);
    assert.ok(new Date() instanceof Date);
    const heard: string[] = [];
    setTimeout((word: string) => heard.push(word), 20, "late");
    setTimeout(() => heard.push(`early ${Date.now()}`), 10);
    const cancelled = setTimeout(() => heard.push("never"), 15);
    clearTimeout(cancelled);
    const interval = setInterval(() => heard.push("again"), 15);
    time.tick(9);
    assert.deepEqual(heard, []);
    time.tick(6);
    assert.deepEqual(heard.slice(), ["early 9011", "again"]);
    time.tick(15);
    assert.deepEqual(heard.slice(2), ["late", "again"]);
    clearInterval(interval);
    assert.equal(time.next(), false);
    assert.equal(time.now, 9031);
  }
  assert.equal(Date, realDate);
  assert.equal(setTimeout, realTimeout);
});

test("runAll runs timers that arm timers; promises are let through", async () => {
  await undefined; // The test's own time limit is armed by the real clock.
  using time = new FakeTime(0);
  const heard: number[] = [];
  setTimeout(() => {
    heard.push(Date.now());
    setTimeout(() => heard.push(Date.now()), 5);
  }, 5);
  const waited = new Promise<void>((resolve) => setTimeout(resolve, 100)).then(() => heard.push(-1));
  await time.runAllAsync();
  await waited;
  assert.deepEqual(heard, [5, 10, -1]);
});

test("time is faked once, never goes back and is restored once", async () => {
  await undefined; // The test's own time limit is armed by the real clock.
  const time = new FakeTime("2026-01-01T00:00:00Z");
  assert.throws(() => new FakeTime(), TimeError);
  assert.throws(() => time.now = 0, TimeError);
  assert.notEqual(await FakeTime.restoreFor(() => Date.now()), Date.UTC(2026, 0, 1));
  assert.equal(Date.now(), Date.UTC(2026, 0, 1));
  time.restore();
  assert.throws(() => time.restore(), TimeError);
  assert.throws(() => FakeTime.restore(), TimeError);
  assert.throws(() => new FakeTime("nonsense"), TimeError);
});

test("an advancing clock moves by itself", async () => {
  await undefined; // The test's own time limit is armed by the real clock.
  using time = new FakeTime(0, { advanceRate: 1000, advanceFrequency: 5 });
  await time.delay(50);
  assert.ok(Date.now() >= 5000, String(Date.now()));
});
