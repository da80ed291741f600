import assert from "node:assert/strict";
import { uncompress } from "../../src/archive/uncompress.ts";
import { utf8Encode } from "../../src/base/bytes.ts";
import { compress } from "../kit/old_archives.ts";
import { test } from "../kit/test.ts";
import { assertSame, pieces, whole } from "./kit.ts";

const TEXT = utf8Encode(Array.from({ length: 6000 }, (_, i) => `${i * 7919 % 1000} and `).join("") + "x".repeat(3000));

test("what was compressed comes out as it was, with codes up to any length, in pieces of any size", async () => {
  for (const widest of [10, 12, 16]) {
    for (const size of [50, 1e6]) assertSame(await whole(uncompress(pieces(compress(TEXT, widest), size))), TEXT);
  }
  for (const clearAt of [300, 1000, 1030, 5000]) {
    assertSame(await whole(uncompress(pieces(compress(TEXT, 16, clearAt), 100))), TEXT, `${clearAt}`);
  }
  const noise = crypto.getRandomValues(new Uint8Array(5000));
  assertSame(await whole(uncompress(pieces(compress(noise)))), noise);
  for (const short of ["", "a", "aaaaaaaaaaaa"]) {
    assert.equal(new TextDecoder().decode(await whole(uncompress(pieces(compress(short), 1)))), short);
  }
});

test("impossible codes and lengths are faults, and pieces of a bomb are bounded", async () => {
  for (
    const octets of [[0x1f, 0x9d], [0x1f, 0x9d, 0x88], [0x1f, 0x9d, 0x91], [0x1f, 0x9d, 0x90, 0xff, 0xff], [
      0x1f,
      0x9d,
      0x90,
      97,
      0xfe,
      3,
    ]]
  ) {
    await assert.rejects(whole(uncompress(pieces(Uint8Array.from(octets)))), { kind: "damaged" }, `${octets}`);
  }
  await assert.rejects(whole(uncompress(pieces(Uint8Array.of(0x1f, 0x9d, 0x89, 1)))), { kind: "unknown" });
  for await (const piece of uncompress(pieces(compress(new Uint8Array(400_000))))) assert.ok(piece.length < 600_000);
});
