import assert from "node:assert/strict";
import { TimeHeap } from "../../src/base/time_heap.ts";
import { seeded } from "../kit/crash_disk.ts";
import { test } from "../kit/test.ts";

/** Takes everything out, earliest first. */
function drain(heap: TimeHeap): [number, number][] {
  const out: [number, number][] = [];
  for (; heap.size > 0; heap.delete(heap.first)) out.push([heap.nextAt, heap.first]);
  return out;
}

test("numbers come out by their times, those moved and taken out as well, as sorting would have it", () => {
  const random = seeded(9);
  for (let round = 0; round < 50; round++) {
    const heap = new TimeHeap();
    const model = new Map<number, number>();
    for (let n = 0; n < 400; n++) {
      const number = Math.floor(random() * 100);
      if (random() < 0.3) {
        heap.delete(number);
        model.delete(number);
      } else {
        // Few different times: equals must not confuse it.
        const at = Math.floor(random() * 30);
        heap.set(number, at);
        model.set(number, at);
      }
      assert.equal(heap.nextAt, Math.min(Infinity, ...model.values()));
    }
    const out = drain(heap);
    assert.deepEqual(out.map(([at]) => at), [...model.values()].sort((a, b) => a - b));
    assert.deepEqual(new Map(out.map(([at, number]) => [number, at])), new Map([...model].sort()));
  }
});

test("what is entered unordered is in order after one pass", () => {
  const random = seeded(11);
  const heap = new TimeHeap();
  const times = Array.from({ length: 5000 }, () => Math.floor(random() * 1000));
  times.forEach((at, number) => heap.enter(number, at));
  // Some twice: the later time holds.
  for (let number = 0; number < 100; number++) heap.enter(number, times[number] = 5);
  heap.order();
  assert.deepEqual(drain(heap).map(([at]) => at), times.toSorted((a, b) => a - b));
});

test("an empty heap has no first, and taking out who is not in does nothing", () => {
  const heap = new TimeHeap();
  assert.deepEqual([heap.first, heap.nextAt, heap.size], [-1, Infinity, 0]);
  heap.delete(7);
  heap.set(3, 1);
  heap.delete(900);
  assert.deepEqual([heap.first, heap.nextAt, heap.size], [3, 1, 1]);
});
