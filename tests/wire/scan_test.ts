import assert from "node:assert/strict";
import { findLineEnd, wordsOf } from "../../src/wire/scan.ts";
import { test } from "../kit/test.ts";

test("each octet value at each place is found or passed over, whatever the bounds", () => {
  for (let value = 0; value < 256; value++) {
    for (let size = 9; size <= 12; size++) {
      const bytes = new Uint8Array(size).fill(0x80 + value % 100);
      const words = wordsOf(bytes);
      for (let at = 0; at < size; at++) {
        bytes[at] = value;
        for (let from = 0; from < 5; from++) {
          const found = (value === 13 || value === 10) && at >= from && at < size - 1 ? at : size - 1;
          assert.equal(findLineEnd(bytes, words, from, size - 1), found);
        }
        bytes[at] = 0x80 + value % 100;
      }
    }
  }
});
