/** Whatever the octets are, a search ends without a fault, within its limits, and finds the same however they come cut. Most inputs are passed over: one costs a millisecond. */
import assert from "node:assert/strict";
import { ArchiveSearch } from "../../../src/archive/search.ts";
import { Spool } from "../../../src/archive/spool.ts";
import { type Bytes, latin1Decode } from "../../../src/base/bytes.ts";
import { gzip, pax, tar, zip } from "../../kit/archives.ts";
import { lzma, sevenZip, xz } from "../../kit/lzma_archives.ts";
import { bzip2, compress, rar4, rar5 } from "../../kit/old_archives.ts";
import { MemoryDisk } from "../../kit/memory_disk.ts";
import { cutUp } from "../random.ts";
import type { FuzzTarget } from "../target.ts";

const TEXT = "to be or not to be, that is the question. ".repeat(8);
const INNER = zip({ "b.exe": "MZ", "c.txt": TEXT });
const SMALL = tar([pax({ path: "long.exe" }), { name: "d.txt", content: TEXT }, { name: "in.zip", content: INNER }]);
const LIMITS = { depth: 4, octets: 200_000, members: 60 };
const ONE_IN = 16;

async function search(pieces: readonly Bytes[]) {
  const disk = new MemoryDisk();
  let spools = 0;
  const found = new ArchiveSearch({
    limits: LIMITS,
    isArchive: (name) => /\.(?:zip|gz|7z|rar|xz|bz2|z)$/i.test(name),
    newSpool: () => new Spool({ host: disk, path: `/spool${spools++}`, room: 1000 }),
    signal: new AbortController().signal,
  });
  await found.look(["o.zip"], ReadableStream.from(pieces));
  assert.deepEqual([disk.open, disk.files.size], [0, 0]);
  return { names: found.names, troubles: found.troubles.map(({ kind, where }) => `${kind} ${where}`) };
}

export default {
  seeds: [
    zip({ "a.txt": TEXT, "in.zip": INNER }),
    zip({ "a.txt": "x" }, { zip64: true, before: "#!/bin/sh\n", comment: "end" }),
    zip([{ name: "s", content: "x", flags: 1 }, {
      name: "x.zip",
      content: bzip2(INNER),
      method: 12,
      size: INNER.length,
    }]),
    SMALL,
    gzip(SMALL, "a.tar"),
    xz(SMALL),
    bzip2(SMALL.slice(0, 3000)),
    compress(SMALL),
    sevenZip({ "a.txt": TEXT, "in.zip": INNER, "d": undefined }, { method: "lzma", packedHeader: true }),
    sevenZip({ "a.txt": TEXT, "in.zip": INNER }, { method: "lzma2" }),
    rar4([{ name: "a.txt", content: TEXT }, { name: "in.zip", content: INNER }]),
    rar5([{ name: "a.txt", content: TEXT, isEncrypted: true }, { name: "in.zip", content: INNER }]),
  ].map(latin1Decode),
  words: [
    "PK\x03\x04",
    "PK\x01\x02",
    "PK\x05\x06",
    "PK\x06\x06",
    "PK\x06\x07",
    "\xff\xff\xff\xff",
    "\0\0\0\0",
    "BZh9",
    "1AY&SY",
  ]
    .concat(["7z\xbc\xaf\x27\x1c", "Rar!\x1a\x07\0", "\x1f\x8b\x08\x08", "\xfd7zXZ\0", latin1Decode(lzma("x").octets)]),
  async check(input, random) {
    if (random.below(ONE_IN) !== 0) return;
    const whole = await search([input]);
    // Two names a member at most come of its headers, and a third of an extra field.
    assert.ok(whole.names.length <= 3 * LIMITS.members, `${whole.names.length} names`);
    assert.deepEqual(await search(cutUp(input, random).map((piece) => piece.slice())), whole);
  },
} satisfies FuzzTarget;
