import assert from "node:assert/strict";
import { lzma2Dictionary, unxz } from "../../src/archive/xz.ts";
import { concat, utf8Encode } from "../../src/base/bytes.ts";
import { xz } from "../kit/lzma_archives.ts";
import { test } from "../kit/test.ts";
import { assertSame, pieces, whole } from "./kit.ts";

const TEXT = utf8Encode("to be or not to be, ".repeat(300));
const text = (octets: Uint8Array) => new TextDecoder().decode(octets);

test("streams come out one after another, padding between them passed over, and what is none behind them", async () => {
  for (const size of [1, 50, 1e6]) assertSame(await whole(unxz(pieces(xz(TEXT), size))), TEXT);
  assertSame(await whole(unxz(pieces(xz(TEXT, { stored: true })))), TEXT);
  const many = concat([xz("one,"), new Uint8Array(8), xz("two"), utf8Encode("rubbish")]);
  assert.equal(text(await whole(unxz(pieces(many)))), "one,two");
});

test("cut off anywhere it is a fault; a filter that is not read is unknown", async () => {
  const packed = xz(TEXT);
  for (let length = 0; length < packed.length; length += 3) {
    await assert.rejects(whole(unxz(pieces(packed.subarray(0, length)))), { kind: "damaged" }, `${length} octets`);
  }
  for (const filters of [Uint8Array.of(3, 1, 0), Uint8Array.of(4, 0, 0)]) {
    await assert.rejects(whole(unxz(pieces(xz("x", { filters })))), { kind: "unknown" });
  }
});

test("the size of a dictionary is two or three times a power of two", () => {
  assert.deepEqual([0, 1, 2, 16, 39, 40].map(lzma2Dictionary), [4096, 6144, 8192, 1 << 20, 3 * 2 ** 30, 2 ** 32 - 1]);
});
