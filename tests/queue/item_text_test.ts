import assert from "node:assert/strict";
import { utf8Encode } from "../../src/base/bytes.ts";
import { countLeft, ItemText, MOST_PLACES, readItemText } from "../../src/queue/item_text.ts";
import { test } from "../kit/test.ts";

const CASES: readonly [left: number[], status: string, error: string][] = [
  [[0], "", ""],
  [[0], "4.4.1", "Connection timed out"],
  [[1, 7, 8, 200], "4.2.2", "Überfüllt: 日本"],
  [[MOST_PLACES - 1], "5", "x".repeat(5000)],
  [Array.from({ length: 1000 }, (_, n) => n), "", "e"],
];

test("recipients, status and error come back, by either way in", () => {
  const text = new ItemText();
  for (const [left, status, error] of CASES) {
    assert.ok(text.set(left, status, error));
    const [first, length] = [text.bytes.slice(0, text.length), text.length];
    assert.deepEqual(readItemText(first), { left, status, error });
    assert.equal(countLeft(first), left.length);
    const from = utf8Encode(`..${status}|${error}`);
    const statusEnd = 2 + utf8Encode(status).length;
    assert.ok(text.copy(left, from, 2, statusEnd, statusEnd + 1, from.length));
    assert.equal(text.length, length);
    assert.deepEqual(text.bytes.slice(0, length), first);
  }
});

test("what it cannot hold it refuses", () => {
  const text = new ItemText();
  assert.equal(text.set([MOST_PLACES]), false);
  assert.equal(text.set([0], "4".repeat(256)), false);
  assert.equal(text.copy([0], new Uint8Array(300), 0, 256, 256, 256), false);
});
