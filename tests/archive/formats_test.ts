import assert from "node:assert/strict";
import { formatOf, unread } from "../../src/archive/formats.ts";
import { utf8Encode } from "../../src/base/bytes.ts";
import { gzip, tar, zip } from "../kit/archives.ts";
import { test } from "../kit/test.ts";

test("a format is known by how it begins, and nothing else is one", () => {
  const named = (octets: Uint8Array<ArrayBuffer>) => formatOf(octets.subarray(0, 512))?.name;
  assert.equal(named(zip({ "a": "x" })), "zip");
  assert.equal(named(zip({})), "zip");
  assert.equal(named(tar({ "a": "x" })), "tar");
  assert.equal(named(gzip("x")), "gzip");
  assert.equal(named(Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0)), "zstd");
  for (const text of ["", "P", "PK", "plain text, long enough to be anything at all", "%PDF-1.7", "MZ", "\x1f\x8b"]) {
    assert.equal(named(utf8Encode(text)), undefined, text);
  }
});

test("a format that is only known is told by its name", () => {
  assert.deepEqual([unread("cab").kind, unread("cab").message], ["unknown", "is of a format that is not read (cab)"]);
});
