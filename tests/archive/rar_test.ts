import assert from "node:assert/strict";
import { ByteReader } from "../../src/archive/byte_reader.ts";
import { rarMembers } from "../../src/archive/rar.ts";
import { type Bytes, concat, utf8Encode } from "../../src/base/bytes.ts";
import { rar4, rar5 } from "../kit/old_archives.ts";
import { test } from "../kit/test.ts";
import { listed, pieces, whole } from "./kit.ts";

const list = (octets: Bytes, size?: number) => listed(rarMembers(new ByteReader(pieces(octets, size))));
const MEMBERS = [
  { name: "a.txt", content: "hello" },
  { name: "dir", isFolder: true },
  { name: "\u00e4.exe", content: "packed", isCompressed: true },
  { name: "secret.txt", content: "?", isEncrypted: true },
];

for (const [version, rar] of [[4, rar4], [5, rar5]] as const) {
  test(`version ${version}: all names are told, and what is stored can be read`, async () => {
    const octets = rar(MEMBERS);
    for (const size of [1, 7, 1e6]) {
      assert.deepEqual(await list(octets, size), ["a.txt", "dir", "\u00e4.exe", "secret.txt (encrypted)"]);
    }
    const contents: string[] = [];
    for await (const { open } of rarMembers(new ByteReader(pieces(octets)))) {
      if (open !== undefined) contents.push(await whole(open()).then((all) => new TextDecoder().decode(all), String));
    }
    assert.deepEqual(contents, ["hello", "ArchiveFault: is compressed by RAR"]);
  });

  test(`version ${version}: encrypted headers hide the names; a volume has no end`, async () => {
    const hidden = await list(rar(MEMBERS, { encryptedHeaders: true }));
    assert.deepEqual(hidden, ["ArchiveFault: has headers that are encrypted"]);
    const split = rar([{ name: "a.zip", content: "part", isSplit: true }], { endless: true });
    assert.deepEqual(await list(split), ["a.zip"]);
    for await (const { open } of rarMembers(new ByteReader(pieces(split)))) {
      await assert.rejects(whole(open!()), /goes on in another file/);
    }
  });

  test(`version ${version}: cut off or changed anywhere it is a fault, behind what could be read`, async () => {
    const octets = rar(MEMBERS);
    for (let length = 0; length < octets.length; length++) {
      const found = await list(octets.subarray(0, length));
      const fault = found.at(-1)?.startsWith("ArchiveFault") ? found.pop() : undefined;
      assert.ok(found.length <= 4 && (fault !== undefined || found.length > 0 || length < 30), `${length}: ${found}`);
    }
    for (let i = 7; i < octets.length; i++) {
      const changed = octets.slice();
      changed[i]! ^= 1 << (i % 8);
      for (const line of await list(changed)) assert.equal(typeof line, "string");
    }
    const large = rar([{ name: "a", content: "x", size: 2 ** 31 }]);
    assert.deepEqual(await list(large), ["a", "ArchiveFault: ends too early"]);
  });
}

test("a name of version 4 in two forms is told in both", async () => {
  const plain = utf8Encode("?evil_exe");
  const unicode = [4, 0b10_00_00_00, 0x1f, 0x04, 0x65, 0x76, 0x69, 0, 0x6c, 0x2e, 0x65, 0x78, 0, 0x65];
  const octets = rar4([{ name: concat([plain, Uint8Array.of(0, ...unicode)]), content: "x" }]);
  assert.deepEqual(await list(octets), ["\u041fevil.exe|?evil_exe"]);
  const copied = concat([utf8Encode("evil.exe"), Uint8Array.of(0, 0, 0b11_00_00_00, 6)]);
  assert.deepEqual(await list(rar4([{ name: copied, content: "x" }])), ["evil.exe"]);
});

test("what only begins like one is none", async () => {
  for (const text of ["", "Rar!", "Rar!\x1a\x07\x02", "Rar!\x1a\x07\x01\x01"]) {
    assert.match((await list(utf8Encode(text)))[0]!, /^ArchiveFault/);
  }
});
