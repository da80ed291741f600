import assert from "node:assert/strict";
import { ByteReader } from "../../src/archive/byte_reader.ts";
import { unlzma, unlzma2 } from "../../src/archive/lzma.ts";
import { type Bytes, concat, utf8Encode } from "../../src/base/bytes.ts";
import { lzma, lzma2 } from "../kit/lzma_archives.ts";
import { test } from "../kit/test.ts";
import { assertSame, pieces, whole } from "./kit.ts";

/** Literals, matches near and far, short ones, repeated distances. */
export const TEXT = utf8Encode(
  Array.from({ length: 500 }, (_, i) => `${i * i} ${i % 7 ? "abcab" : "xyxyxyxyxyx"} line\n`).join("") +
    "z".repeat(700),
);

const from = ({ octets }: { readonly octets: Bytes }, size?: number) => new ByteReader(pieces(octets, size));
const dictionary = 1 << 20;

test("what was compressed comes out as it was, in pieces of any size", async () => {
  const packed = lzma(TEXT);
  const settings = { properties: packed.settings[0]!, dictionary, size: TEXT.length };
  for (const size of [1, 100, 1e6]) assertSame(await whole(unlzma(from(packed, size), settings)), TEXT);
  const noise = crypto.getRandomValues(new Uint8Array(40_000));
  const dull = lzma(noise);
  assertSame(await whole(unlzma(from(dull), { ...settings, size: noise.length })), noise);
});

test("a dictionary that is full goes on at its front", async () => {
  const long = utf8Encode(Array.from({ length: 14_000 }, (_, i) => `${i * 31 % 977} `).join("") + "y".repeat(90_000));
  const { settings, octets } = lzma(long, 1);
  const dictionary = new DataView(settings.buffer, settings.byteOffset).getUint32(1, true);
  assert.ok(long.length > 2 * dictionary);
  assertSame(await whole(unlzma(from({ octets }), { properties: 93, dictionary, size: long.length })), long);
});

test("chunks of LZMA2 come out as they were, stored and compressed, up to their end and no further", async () => {
  const long = concat([TEXT, TEXT, TEXT]);
  for (const stored of [true, false]) {
    const reader = new ByteReader(pieces(concat([lzma2(long, { stored }), utf8Encode("behind")]), 333));
    assertSame(await whole(unlzma2(reader, { dictionary })), long);
    assert.equal(new TextDecoder().decode(await whole(reader.rest())), "behind");
  }
});

test("cut off anywhere it gives what it has, and a fault", async () => {
  const packed = lzma(TEXT);
  const settings = { properties: packed.settings[0]!, dictionary, size: TEXT.length };
  for (let length = 0; length < packed.octets.length - 5; length += 97) {
    await assert.rejects(whole(unlzma(from({ octets: packed.octets.subarray(0, length) }), settings)), {
      kind: "damaged",
    });
  }
  const chunks = lzma2(TEXT.slice(0, 2000));
  for (let length = 0; length < chunks.length; length += 13) {
    await assert.rejects(whole(unlzma2(from({ octets: chunks.subarray(0, length) }), { dictionary })), {
      kind: "damaged",
    });
  }
});

test("octets without sense are a fault and nothing else", async () => {
  const packed = lzma(TEXT);
  const settings = { properties: packed.settings[0]!, dictionary, size: TEXT.length };
  for (let i = 0; i < 60; i++) {
    const octets = packed.octets.slice();
    octets[6 + i * 31 % (octets.length - 6)]! ^= 1 << (i % 8);
    // Not every slip shows: checksums are not looked at.
    const made = await whole(unlzma(from({ octets }), settings)).catch((fault) => fault);
    assert.ok(made instanceof Uint8Array || made.kind === "damaged", String(made));
  }
  for (const first of [[0x03], [0x80, 0, 0, 0, 0], [0x02, 0, 0], [0xe0, 0, 0, 0, 0, 225], [0xc0, 0, 0, 0, 0, 93]]) {
    await assert.rejects(whole(unlzma2(from({ octets: Uint8Array.from(first) }), { dictionary })), { kind: "damaged" });
  }
  await assert.rejects(whole(unlzma(from({ octets: new Uint8Array(9) }), { ...settings, properties: 225 })), {
    kind: "damaged",
  });
  await assert.rejects(whole(unlzma(from({ octets: new Uint8Array(9).fill(1) }), settings)), { kind: "damaged" });
});

test("a bomb comes in pieces of bounded size, and a dictionary is not believed before it is needed", async () => {
  const bomb = lzma(new Uint8Array(500_000));
  let made = 0;
  for await (const piece of unlzma(from(bomb), { properties: 93, dictionary: 2 ** 32 - 1, size: 500_000 })) {
    assert.ok(piece.length <= 32 * 1024);
    made += piece.length;
  }
  assert.equal(made, 500_000);
});
