import assert from "node:assert/strict";
import { memoryOctets } from "../../src/archive/octets.ts";
import { sevenZipMembers } from "../../src/archive/seven_zip.ts";
import type { Bytes } from "../../src/base/bytes.ts";
import { sealed, sevenZip } from "../kit/lzma_archives.ts";
import { test } from "../kit/test.ts";
import { listed, whole } from "./kit.ts";

const list = (octets: Bytes) => listed(sevenZipMembers(memoryOctets(octets)));
const FILES = { "a.txt": "hello ".repeat(500), "dir": undefined, "\u00e4/\u{1f600}.exe": "MZ", "last.txt": "end" };
const NAMES = ["dir", "a.txt", "\u00e4/\u{1f600}.exe", "last.txt"];

test("names are told, whatever compresses files and header; any of the files can be read, and the others passed over", async () => {
  for (const method of ["copy", "lzma", "lzma2"] as const) {
    for (const packedHeader of [true, false]) {
      const octets = sevenZip(FILES, { method, packedHeader });
      assert.deepEqual(await list(octets), NAMES);
      for (const wanted of [["a.txt", "last.txt"], ["last.txt"]]) {
        const contents: string[] = [];
        for await (const { names, open, isCostly } of sevenZipMembers(memoryOctets(octets))) {
          if (!wanted.includes(names[0]!)) continue;
          assert.equal(isCostly, true);
          contents.push(new TextDecoder().decode(await whole(open!())));
        }
        assert.deepEqual(contents, wanted.map((name) => FILES[name as keyof typeof FILES]));
      }
    }
  }
  assert.deepEqual(await list(sevenZip({})), []);
  assert.deepEqual(await list(sevenZip({ "only": undefined })), ["only"]);
});

test("what passes by costs as much as what is wanted", async () => {
  let used = 0;
  const octets = memoryOctets(sevenZip(FILES));
  for await (const { names, open } of sevenZipMembers(octets, { onTake: (count) => used += count })) {
    if (names[0] === "last.txt") await whole(open!());
  }
  assert.equal(used, 3002);
});

test("encrypted files and headers are told of; what is compressed in another way stays closed", async () => {
  const secret = await list(sevenZip(FILES, { method: "aes" }));
  assert.deepEqual(secret, ["dir", ...NAMES.slice(1).map((name) => `${name} (encrypted)`)]);
  assert.deepEqual(await list(sevenZip(FILES, { packedHeader: "aes" })), [
    "ArchiveFault: has a header that is encrypted",
  ]);
  const odd = sevenZip(FILES, { method: "odd" });
  assert.deepEqual(await list(odd), NAMES);
  for await (const { open } of sevenZipMembers(memoryOctets(odd))) {
    if (open !== undefined) await assert.rejects(whole(open()), { kind: "unknown" });
  }
});

test("cut off anywhere it has no header, and that is damage", async () => {
  for (const packedHeader of [true, false]) {
    const octets = sevenZip(FILES, { packedHeader });
    for (let length = 0; length < octets.length; length += 3) {
      assert.match((await list(octets.subarray(0, length))).at(-1)!, /^ArchiveFault/, `${length} octets`);
    }
  }
});

test("headers that lie, or wrap one another, are faults and nothing else", async () => {
  const octets = sevenZip(FILES, { method: "copy" });
  for (let i = 8; i < octets.length; i += i < 32 || i > 3040 ? 1 : 500) {
    for (const bit of [0, 3, 7]) {
      const changed = octets.slice();
      changed[i]! ^= 1 << bit;
      for (const line of await list(changed)) assert.equal(typeof line, "string");
    }
  }
  const large = octets.slice();
  new DataView(large.buffer).setBigUint64(20, 2n ** 40n, true);
  assert.match((await list(large))[0]!, /header too large/);
  // A header stored within itself: it says that it is to be found where it stands.
  const wrapped = Uint8Array.of(23, 6, 0, 1, 9, 19, 0, 7, 11, 1, 0, 1, 1, 0, 12, 19, 0, 0, 0);
  assert.match((await list(sealed([wrapped], wrapped)))[0]!, /has no header/);
  for (
    const header of [[], [0], [1, 5, 255, 255], [1, 5, 8, 17, 3, 0, 65, 0, 0, 0], [1, 4, 7, 11, 0x8f, 255, 0], [23, 0]]
  ) {
    for (const line of await list(sealed([], Uint8Array.from(header)))) assert.equal(typeof line, "string");
  }
});
