import assert from "node:assert/strict";
import { crc32c } from "../../src/base/crc32c.ts";
import { latin1Encode } from "../../src/base/bytes.ts";
import { test } from "../kit/test.ts";

/** One bit at a time, straight from the definition. */
function slowly(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

test("crc32c gives the published check values", () => {
  assert.equal(crc32c(latin1Encode("123456789")), 0xe3069283);
  assert.equal(crc32c(new Uint8Array(0)), 0);
  // RFC 3720 appendix B.4.
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e);
});

test("crc32c agrees with the definition at every length and offset, cut at each byte", () => {
  const all = crypto.getRandomValues(new Uint8Array(80));
  for (let length = 0; length <= 40; length++) {
    for (const offset of [0, 1, 3, 7]) {
      const bytes = all.subarray(offset, offset + length);
      const wanted = slowly(bytes);
      assert.equal(crc32c(bytes), wanted);
      for (let cut = 0; cut <= length; cut++) {
        assert.equal(crc32c(bytes.subarray(cut), crc32c(bytes.subarray(0, cut))), wanted);
      }
    }
  }
});
