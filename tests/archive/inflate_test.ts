import assert from "node:assert/strict";
import { deflateSync } from "fflate";
import { ByteReader } from "../../src/archive/byte_reader.ts";
import { gunzip, gzipName, inflate } from "../../src/archive/inflate.ts";
import { type Bytes, concat, latin1Encode, utf8Encode } from "../../src/base/bytes.ts";
import { gzip } from "../kit/archives.ts";
import { test } from "../kit/test.ts";
import { assertSame, pieces, whole } from "./kit.ts";

const TEXT = utf8Encode(Array.from({ length: 900 }, (_, i) => `line ${i * i} of many\n`).join(""));
const PACKED = new Uint8Array(deflateSync(TEXT));

test("deflated octets come out as they were, in pieces of any size", async () => {
  for (const size of [7, 255, 4096, 1e6]) assertSame(await whole(inflate(pieces(PACKED, size))), TEXT);
  const noise = crypto.getRandomValues(new Uint8Array(60_000));
  assertSame(await whole(inflate(pieces(new Uint8Array(deflateSync(noise)), 1000))), noise);
});

test("what is cut off gives what it has, and a fault", async () => {
  for (let length = 0; length < PACKED.length; length += 41) {
    let given = 0;
    const read = async () => {
      for await (const piece of inflate(pieces(PACKED.subarray(0, length)))) given += piece.length;
    };
    await assert.rejects(read(), { name: "ArchiveFault", kind: "damaged" }, `${length} octets`);
    assert.ok(given <= TEXT.length && (length < 1000 || given > 0), `${given} of ${length}`);
  }
  const fixed = new Uint8Array(deflateSync(utf8Encode("hello, hello")));
  assert.equal(fixed[0]! & 7, 3);
  for (let length = 0; length < fixed.length - 1; length++) {
    await assert.rejects(whole(inflate(pieces(fixed.subarray(0, length)))), { kind: "damaged" }, `${length} octets`);
  }
  const stored = new Uint8Array(deflateSync(new Uint8Array(150_000), { level: 0 }));
  // Behind a whole block that is not the last one.
  const block = 5 + new DataView(stored.buffer).getUint16(1, true);
  await assert.rejects(whole(inflate(pieces(stored.subarray(0, block)))), { kind: "damaged" });
  await assert.rejects(whole(inflate(pieces(Uint8Array.of(7, 0, 255, 255)))), { kind: "damaged" });
});

test("a reader that stops after the beginning of a bomb has cost a few hundred kilobytes", async () => {
  const bomb = new Uint8Array(deflateSync(new Uint8Array(8_000_000)));
  for await (const piece of inflate(pieces(bomb))) {
    assert.ok(piece.length < 300_000, `${piece.length}`);
    break;
  }
  let largest = 0;
  for await (const piece of inflate(pieces(bomb))) largest = Math.max(largest, piece.length);
  assert.ok(largest < 300_000, `${largest}`);
});

test("gzip is read member after member; what follows and is none is passed over", async () => {
  const two = concat([gzip("one,"), gzip("two")]);
  for (const size of [1, 5, 1000]) {
    assert.equal(new TextDecoder().decode(await whole(gunzip(pieces(two, size)))), "one,two");
  }
  const padded = concat([gzip("one"), new Uint8Array(1024)]);
  assert.equal(new TextDecoder().decode(await whole(gunzip(pieces(padded)))), "one");
  const many = concat(Array.from({ length: 2000 }, () => gzip("")));
  assert.equal((await whole(gunzip(pieces(many)))).length, 0);
  await assert.rejects(whole(gunzip(pieces(gzip(TEXT).subarray(0, 500)))), { kind: "damaged" });
});

test("the name in a gzip header is found, behind extra fields too", async () => {
  const name = (octets: Bytes) => gzipName(new ByteReader(pieces(octets, 3)));
  assert.equal(await name(gzip("x", "a b.csv")), "a b.csv");
  assert.equal(await name(gzip("x")), undefined);
  const head = (flags: number) => Uint8Array.of(0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 3);
  assert.equal(await name(concat([head(12), Uint8Array.of(4, 0, 1, 2, 3, 4), latin1Encode("n\xe4me\0")])), "n\xe4me");
  assert.equal(await name(concat([head(8), utf8Encode("x".repeat(3000) + "\0")])), "x".repeat(3000));
  for (
    const broken of [head(8), concat([head(8), utf8Encode("endless")]), concat([head(12), Uint8Array.of(255, 255)])]
  ) {
    await assert.rejects(name(broken), { kind: "damaged" });
  }
  assert.equal(await name(concat([head(8), new Uint8Array(300_000).fill(65)])), undefined);
});
