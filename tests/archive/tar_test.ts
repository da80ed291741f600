import assert from "node:assert/strict";
import { ByteReader } from "../../src/archive/byte_reader.ts";
import { isTar, tarMembers } from "../../src/archive/tar.ts";
import { type Bytes, concat, utf8Encode } from "../../src/base/bytes.ts";
import { pax, tar } from "../kit/archives.ts";
import { test } from "../kit/test.ts";
import { listed, pieces, whole } from "./kit.ts";

const list = (octets: Bytes, size?: number) => listed(tarMembers(new ByteReader(pieces(octets, size))));

test("members are told by name, whatever header says it, and their octets can be read or passed over", async () => {
  const long = "d/".repeat(80) + "long.exe";
  const octets = tar([
    { name: "a.txt", content: "hello" },
    { name: "dir/", type: "5" },
    { name: "link", type: "2", size: "00000000777" },
    { name: "base.txt", prefix: "some/where", content: "x".repeat(512) },
    { name: "././@LongLink", type: "L", content: `${long}\0` },
    { name: long.slice(0, 100), content: "z" },
    pax({ path: "pax/\u00e4.exe", mtime: "1" }),
    { name: "pax/plain.txt", content: "y".repeat(700) },
    { name: "old", type: "\0", content: "o" },
  ]);
  const expected = [
    "a.txt",
    "dir/",
    "link",
    "some/where/base.txt",
    `${long}|${long.slice(0, 100)}`,
    "pax/\u00e4.exe|pax/plain.txt",
    "old",
  ];
  for (const size of [1, 511, 512, 513, 1e6]) assert.deepEqual(await list(octets, size), expected);
  const contents: string[] = [];
  for await (const { open } of tarMembers(new ByteReader(pieces(octets, 100)))) {
    if (open !== undefined) contents.push(new TextDecoder().decode(await whole(open())));
  }
  assert.deepEqual(contents, ["hello", "x".repeat(512), "z", "y".repeat(700), "o"]);
});

test("an archive may end without blocks of zeros; behind them nothing is read", async () => {
  assert.deepEqual(await list(tar({ "a": "1" }, { endless: true })), ["a"]);
  assert.deepEqual(await list(concat([tar({ "a": "1" }), tar({ "b": "1" })])), ["a"]);
});

test("cut off anywhere it tells of what is there, and of the damage", async () => {
  const octets = tar({ "a.txt": "hello", "b.txt": "x".repeat(600) }, { endless: true });
  for (let length = 1; length < octets.length; length += 41) {
    const found = await list(octets.subarray(0, length));
    const members = length < 512 ? [] : length < 1536 ? ["a.txt"] : ["a.txt", "b.txt"];
    const isWhole = length === 1024;
    assert.deepEqual(found.slice(0, members.length), members, `${length}`);
    if (!isWhole) assert.match(found.at(-1)!, /^ArchiveFault: ends too early/, `${length}`);
  }
});

test("headers that lie are damage: checksums, sizes, endless names", async () => {
  const broken = tar({ "a": "1", "b": "2" });
  broken[1024 + 3] = 66;
  assert.deepEqual(await list(broken), ["a", "ArchiveFault: has a header with a wrong checksum"]);
  for (const size of ["notanumber!", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "7777777777777"]) {
    const found = await list(tar([{ name: "a", size }]));
    assert.match(
      found.at(-1)!,
      /ArchiveFault: (?:has a member of an impossible size|ends too early|has a header)/,
      size,
    );
  }
  const endless = tar([{ name: "x", type: "L", content: "n".repeat(70_000) }, { name: "a" }]);
  assert.deepEqual(await list(endless), ["ArchiveFault: has an endless extended header"]);
  for (const text of ["5 path=x\n", "99999 path=x\n", "path", "-3 a=b\n"]) {
    const found = await list(tar([{ name: "x", type: "x", content: text }, { name: "a.txt" }]));
    assert.ok(found.some((line) => /broken pax|a\.txt/.test(line)), text);
  }
});

test("a tar is known by its checksum", () => {
  assert.equal(isTar(tar({ "a": "1" }).subarray(0, 512)), true);
  assert.equal(isTar(tar({ "a": "1" }).subarray(0, 511)), false);
  assert.equal(isTar(new Uint8Array(512)), false);
  assert.equal(isTar(utf8Encode("x".repeat(512))), false);
});
