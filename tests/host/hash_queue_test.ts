import assert from "node:assert/strict";
import { HashQueue } from "../../src/host/hash_queue.ts";
import { FakeClock } from "../kit/fake_clock.ts";
import { test } from "../kit/test.ts";

test("so many at a time, the others in their order; who gives up leaves the line", async () => {
  const queue = new HashQueue(new FakeClock(), { most: 2, yielding: false });
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const stop = new AbortController();
  const work = (n: number, signal?: AbortSignal) =>
    queue.run(() => {
      begun.push(n);
      return new Promise<void>((resolve) => ends[n] = resolve);
    }, signal);
  const all = [work(0), work(1), work(2, stop.signal), work(3)];
  await turn();
  assert.deepEqual(begun, [0, 1]);
  stop.abort(new Error("gone"));
  await assert.rejects(all[2]!, /gone/);
  ends[0]!();
  await all[0];
  await turn();
  assert.deepEqual(begun, [0, 1, 3], "the one that gave up holds no place");
  ends[1]!();
  ends[3]!();
  await Promise.all([all[1], all[3]]);
  await assert.rejects(queue.run(() => Promise.resolve(), stop.signal), /gone/);
  await assert.rejects(queue.run(() => Promise.reject(new Error("work"))), /work/);
  assert.equal(await queue.run(() => Promise.resolve("again")), "again");
});

test("work that holds the thread is followed by as long a rest", async () => {
  const clock = new FakeClock();
  const queue = new HashQueue(clock, { most: 1, yielding: true });
  const begun: number[] = [];
  const work = () =>
    queue.run(async () => {
      begun.push(clock.monotonic());
      await clock.advance(100);
    });
  const from = clock.monotonic();
  const all = [work(), work()];
  await all[0];
  await clock.advance(99);
  assert.equal(begun.length, 1);
  await clock.advance(1);
  await all[1];
  assert.equal(begun[1]! - from, 200);
});

/** Lets what is ready go on. */
async function turn(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}
