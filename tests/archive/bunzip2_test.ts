import assert from "node:assert/strict";
import { bunzip2 } from "../../src/archive/bunzip2.ts";
import { concat, utf8Encode } from "../../src/base/bytes.ts";
import { bzip2 } from "../kit/old_archives.ts";
import { test } from "../kit/test.ts";
import { assertSame, pieces, whole } from "./kit.ts";

const TEXT = utf8Encode(
  Array.from({ length: 250 }, (_, i) => `row ${i * i}${"=".repeat(i % 9)}\n`).join("") + "x".repeat(600),
);

test("blocks come out as they went in, in pieces of any size, stream after stream", async () => {
  const packed = bzip2(TEXT);
  for (const size of [1, 77, 1e6]) assertSame(await whole(bunzip2(pieces(packed, size))), TEXT);
  const noise = crypto.getRandomValues(new Uint8Array(2000));
  const two = concat([bzip2(noise), bzip2("b"), utf8Encode("rubbish")]);
  assertSame(await whole(bunzip2(pieces(two))), concat([noise, utf8Encode("b")]));
  const blocks = concat([TEXT, TEXT, TEXT, TEXT, TEXT, TEXT]);
  assertSame(await whole(bunzip2(pieces(bzip2(blocks)))), blocks);
  assert.equal((await whole(bunzip2(pieces(bzip2(""))))).length, 0);
});

test("cut off anywhere, or changed anywhere, it is a fault and nothing else", async () => {
  const packed = bzip2(TEXT);
  for (let length = 0; length < packed.length - 10; length += 37) {
    await assert.rejects(whole(bunzip2(pieces(packed.subarray(0, length)))), { kind: "damaged" }, `${length} octets`);
  }
  for (let i = 0; i < 80; i++) {
    const octets = packed.slice();
    octets[i < 60 ? i : i * 17 % octets.length]! ^= 1 << (i % 8);
    // Not every slip shows: checksums are not looked at.
    const made = await whole(bunzip2(pieces(octets))).catch((fault) => fault);
    assert.ok(made instanceof Uint8Array || made.name === "ArchiveFault", String(made));
  }
});
