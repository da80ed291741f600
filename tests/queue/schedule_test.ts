import assert from "node:assert/strict";
import type { HeapEntry } from "../../src/base/heap.ts";
import { Schedule } from "../../src/queue/schedule.ts";
import { FakeClock } from "../kit/fake_clock.ts";
import { test } from "../kit/test.ts";

class Item {
  readonly wakeAt: number;
  slot: HeapEntry<Item> | undefined = undefined;
  constructor(wakeAt: number) {
    this.wakeAt = wakeAt;
  }
}

function schedule() {
  const clock = new FakeClock();
  const rang: number[] = [];
  const began = clock.now();
  const made = new Schedule<Item>(clock, (item) => void rang.push(item.wakeAt - began));
  return { clock, rang, schedule: made, at: (ms: number) => new Item(began + ms) };
}

test("items come due in the order of their times, each once, on one timer", async () => {
  const { clock, rang, schedule: s, at } = schedule();
  for (const ms of [500, 100, 300, 100]) s.add(at(ms));
  s.start();
  s.add(at(50));
  assert.equal(clock.pending, 1);
  await clock.advance(299);
  assert.deepEqual(rang, [50, 100, 100]);
  await clock.advance(1000);
  assert.deepEqual(rang, [50, 100, 100, 300, 500]);
  assert.equal(clock.pending, 0);
});

test("an item taken out does not come due", async () => {
  const { clock, rang, schedule: s, at } = schedule();
  s.start();
  const [first, second] = [at(10), at(20)];
  s.add(first);
  s.add(second);
  assert.equal(s.remove(first), true);
  assert.equal(s.remove(first), false);
  await clock.advance(100);
  assert.deepEqual(rang, [20]);
});

test("a stopped schedule rings no more", async () => {
  const { clock, rang, schedule: s, at } = schedule();
  s.start();
  s.add(at(10));
  s.stop();
  s.add(at(5));
  await clock.advance(100);
  assert.deepEqual(rang, []);
  assert.equal(clock.pending, 0);
});

test("sleepers are woken when they are due, in turn with the others, on the one timer", async () => {
  const clock = new FakeClock();
  const began = clock.now();
  const rang: number[] = [];
  const asleep = [20, 40, 60];
  const made = new Schedule<Item>(clock, ({ wakeAt }) => void rang.push(wakeAt - began), {
    get nextAt() {
      return began + (asleep[0] ?? Infinity);
    },
    wakeFirst: () => made.add(new Item(began + asleep.shift()!)),
  });
  made.add(new Item(began + 30));
  made.start();
  await clock.advance(45);
  assert.deepEqual(rang, [20, 30, 40]);
  assert.deepEqual([clock.pending, asleep.length], [1, 1]);
  asleep[0] = 50;
  made.changed();
  await clock.advance(5);
  assert.deepEqual(rang, [20, 30, 40, 50]);
  assert.equal(clock.pending, 0);
});

test("of many that are due at once some go at a time, and others have a turn between", async () => {
  const { clock, rang, schedule: s, at } = schedule();
  for (let n = 0; n < 1200; n++) s.add(at(10));
  s.start();
  const between: number[] = [];
  clock.after(10, () => {
    between.push(rang.length);
    clock.after(0, () => void between.push(rang.length));
  });
  await clock.advance(10);
  assert.equal(rang.length, 1200);
  assert.deepEqual(between, [500, 1000]);
});
