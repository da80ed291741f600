import assert from "node:assert/strict";
import { grown } from "../../src/base/grown.ts";
import { test } from "../kit/test.ts";

test("a column with room stays the same, a larger one keeps what it held and begins with zeros", () => {
  const column = Float64Array.from([1, 2, 3]);
  assert.equal(grown(column, 3), column);
  const larger = grown(column, 4);
  assert.ok(larger instanceof Float64Array);
  assert.deepEqual([...larger.subarray(0, 5)], [1, 2, 3, 0, 0]);
});

test("growing one by one copies no more than some times what is there in the end", () => {
  let column = new Uint32Array(0);
  let copied = 0;
  for (let length = 1; length <= 100_000; length++) {
    const next = grown(column, length);
    if (next !== column) copied += column.length;
    column = next;
  }
  assert.ok(copied < 300_000, `${copied} places copied`);
  assert.ok(column.length <= 150_000, `${column.length} places`);
});
