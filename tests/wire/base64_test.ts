import assert from "node:assert/strict";
import { decodeBase64, encodeBase64 } from "../../src/wire/base64.ts";
import { test } from "../kit/test.ts";

test("decoding is the inverse of encoding, for every octet and length", () => {
  const all = Uint8Array.from({ length: 256 }, (_, i) => i);
  for (let length = 0; length <= 256; length++) {
    assert.deepEqual(decodeBase64(encodeBase64(all.subarray(0, length))), all.slice(0, length));
  }
  assert.equal(encodeBase64(new Uint8Array([0, 97, 0, 98])), "AGEAYg==");
});

test("anything but canonical base64 is refused", () => {
  for (
    const text of [
      "A",
      "AA",
      "AAA",
      "AA=",
      "AAAA=",
      "=",
      "====",
      "AB==",
      "AAB=",
      "AA==AA==",
      "AA AA",
      "AAAA\n",
      "A-_A",
      "*",
    ]
  ) {
    assert.equal(decodeBase64(text), undefined, text);
  }
});
