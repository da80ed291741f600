import assert from "node:assert/strict";
import { Heap, type HeapEntry } from "../../src/base/heap.ts";
import { test } from "../kit/test.ts";

/** A small generator, so that a failure can be repeated. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1103515245 + 12345) & 0x7fffffff);
}

test("a heap gives its values smallest first", () => {
  const next = numbers(1);
  const heap = new Heap<number>((a, b) => a < b);
  const values = Array.from({ length: 500 }, () => next() % 100);
  for (const value of values) heap.push(value);
  assert.equal(heap.size, 500);
  assert.equal(heap.peek(), Math.min(...values));
  const out = Array.from({ length: 500 }, () => heap.pop());
  assert.deepEqual(out, values.toSorted((a, b) => a - b));
  assert.equal(heap.pop(), undefined);
  assert.equal(heap.peek(), undefined);
});

test("a heap gives up any value by its handle, once", () => {
  const next = numbers(7);
  const heap = new Heap<{ at: number }>((a, b) => a.at < b.at);
  const kept = new Set<HeapEntry<{ at: number }>>();
  for (let step = 0; step < 3000; step++) {
    if (next() % 3 > 0) kept.add(heap.push({ at: next() % 50 }));
    else if (kept.size > 0) {
      const handle = [...kept][next() % kept.size]!;
      kept.delete(handle);
      assert.equal(heap.remove(handle), true);
      assert.equal(handle.index, -1);
      assert.equal(heap.remove(handle), false);
    }
    if (kept.size > 0) assert.equal(heap.peek()!.at, Math.min(...[...kept].map((entry) => entry.value.at)));
  }
  const wanted = [...kept].map((entry) => entry.value.at).sort((a, b) => a - b);
  assert.deepEqual([...heap.values()].map((value) => value.at).sort((a, b) => a - b), wanted);
  assert.deepEqual(wanted.map(() => heap.pop()!.at), wanted);
});

test("a value whose order changed is put right by update", () => {
  const heap = new Heap<{ at: number }>((a, b) => a.at < b.at);
  const handles = [5, 3, 8, 1, 9].map((at) => heap.push({ at }));
  handles[2]!.value.at = 0;
  heap.update(handles[2]!);
  handles[3]!.value.at = 7;
  heap.update(handles[3]!);
  assert.deepEqual([0, 1, 2, 3, 4].map(() => heap.pop()!.at), [0, 3, 5, 7, 9]);
  assert.equal(heap.remove(handles[0]!), false);
});

test("a handle of another heap takes nothing out", () => {
  const one = new Heap<number>((a, b) => a < b);
  const other = new Heap<number>((a, b) => a < b);
  const handle = one.push(1);
  other.push(2);
  assert.equal(other.remove(handle), false);
  assert.equal(other.size, 1);
});
