import assert from "node:assert/strict";
import { memoryOctets } from "../../src/archive/octets.ts";
import { zipMembers } from "../../src/archive/zip.ts";
import { type Bytes, concat, latin1Encode, utf8Encode } from "../../src/base/bytes.ts";
import { zip } from "../kit/archives.ts";
import { test } from "../kit/test.ts";
import { listed, whole } from "./kit.ts";

const list = (octets: Bytes) => listed(zipMembers(memoryOctets(octets)));

async function contents(octets: Bytes): Promise<string[]> {
  const all: string[] = [];
  for await (const { open } of zipMembers(memoryOctets(octets))) {
    if (open === undefined) continue;
    all.push(await whole(open()).then((octets) => new TextDecoder().decode(octets), String));
  }
  return all;
}

test("members are told by name, and read, stored or deflated", async () => {
  const octets = zip([
    { name: "a.txt", content: "hello ".repeat(100) },
    { name: "dir/", method: 0 },
    { name: "stored", content: "as it is", method: 0 },
    { name: "\u00e4/\u{1f600}.exe", content: "x" },
    { name: latin1Encode("\xe4.txt"), content: "y", flags: 0 },
  ]);
  assert.deepEqual(await list(octets), ["a.txt", "dir/", "stored", "\u00e4/\u{1f600}.exe", "\xe4.txt"]);
  assert.deepEqual(await contents(octets), ["hello ".repeat(100), "as it is", "x", "y"]);
  assert.deepEqual(await list(zip({})), []);
});

test("64-bit records, a comment, and something in front of it change nothing", async () => {
  const members = { "a.txt": "hello", "b.txt": "again" };
  for (
    const options of [{ zip64: true }, { comment: "c".repeat(60_000) }, { before: "#!/bin/sh\nexit\n" }, {
      before: "MZ".repeat(50_000),
      zip64: true,
      comment: "end",
    }]
  ) {
    const octets = zip(members, options);
    assert.deepEqual(await list(octets), ["a.txt", "b.txt"]);
    assert.deepEqual(await contents(octets), ["hello", "again"]);
  }
});

test("encrypted members are told of, and not opened", async () => {
  const octets = zip([
    { name: "weak", content: "?", flags: 1 },
    { name: "strong", content: "?", flags: 0x41 },
    { name: "aes", content: "?", method: 99 },
    { name: "masked", content: "?", flags: 0x2000 },
    { name: "open", content: "!" },
  ]);
  const secret = ["weak", "strong", "aes", "masked"].map((name) => `${name} (encrypted)`);
  assert.deepEqual(await list(octets), [...secret, "open"]);
  assert.deepEqual(await contents(octets), ["!"]);
});

test("names that contradict one another are all told", async () => {
  const path = utf8Encode("evil.exe");
  const unicode = concat([Uint8Array.of(0x75, 0x70, path.length + 5, 0, 1, 0, 0, 0, 0), path]);
  const octets = zip([
    { name: "good.txt", localName: "evil.scr", content: "x" },
    { name: "fine.txt", extra: unicode, content: "y" },
    { name: "twice.txt", content: "1" },
    { name: "twice.txt", content: "2" },
  ]);
  assert.deepEqual(await list(octets), ["good.txt|evil.scr", "fine.txt|evil.exe", "twice.txt", "twice.txt"]);
});

test("of several directories all are gone through: a zip behind a zip, a zip in a comment", async () => {
  const hidden = zip({ "evil.exe": "MZ" });
  const behind = concat([hidden, zip({ "good.txt": "hi" })]);
  assert.deepEqual((await list(behind)).sort(), ["evil.exe", "good.txt"]);
  const inComment = zip({ "good.txt": "hi" }, { comment: hidden });
  assert.deepEqual((await list(inComment)).sort(), ["evil.exe", "good.txt"]);
  const empty = concat([hidden, zip({})]);
  assert.deepEqual(await list(empty), ["evil.exe"]);
  const crowd = concat([hidden, ...Array.from({ length: 9 }, () => zip({}))]);
  assert.deepEqual(await list(crowd), ["ArchiveFault: has too many ends"]);
});

test("members that no directory lists are told of where they follow upon others", async () => {
  const hidden = (name: string) => ({ name, content: "MZ", isUnlisted: true });
  const descriptor = new Uint8Array(16);
  for (
    const members of [
      [hidden("evil.exe"), { name: "a.txt", content: "x" }],
      [{ name: "a.txt", content: "x" }, hidden("evil.exe")],
      [{ name: "a.txt", content: "x", flags: 8, descriptor }, hidden("evil.exe"), { name: "b.txt", content: "y" }],
    ]
  ) {
    const listed = members.filter((member) => !("isUnlisted" in member)).map(({ name }) => name);
    assert.deepEqual(await list(zip(members)), [...listed, "evil.exe"]);
  }
  // In what is stored there may be anything, and be it ten other archives.
  const many = Array.from({ length: 10 }, (_, i) => ({ name: `${i}.zip`, content: zip({ "b.txt": "x" }), method: 0 }));
  assert.deepEqual(await list(zip(many)), many.map(({ name }) => name));
  const stored = { name: "in.zip", content: zip({ "b.txt": "x" }), method: 0 };
  assert.deepEqual(await list(zip([stored, { name: "c.txt" }])), ["in.zip", "c.txt"]);
});

test("counts, sizes and offsets that lie are told of, and nothing beyond the file is read", async () => {
  assert.deepEqual(await list(zip({ "a": "1", "b": "2" }, { count: 1 })), ["a", "b"]);
  assert.match((await list(zip({ "a": "1" }, { count: 5 }))).at(-1)!, /fewer members than it says/);
  const lies = [
    { name: "short", content: "x".repeat(50), size: 3 },
    { name: "long", content: "x", size: 4_000_000_000 },
    { name: "cut", content: "stored", method: 0, packedSize: 3 },
    { name: "wide", content: "stored", method: 0, packedSize: 4_000_000_000 },
    { name: "lost", content: "x", offset: 3_000_000_000 },
    { name: "inside", content: "x", offset: 7 },
    { name: "odd", content: "x", method: 9 },
  ];
  for (const lie of lies) {
    // Where its header is not found it is found without the directory, too.
    assert.deepEqual([...new Set(await list(zip([lie])))], [lie.name]);
    assert.match(
      (await contents(zip([lie])))[0]!,
      /^ArchiveFault: (?:has|is compressed|cannot be decompressed)/,
      lie.name,
    );
  }
});

test("cut off anywhere it tells of the members whose headers are there, and of the damage", async () => {
  const octets = zip({ "one.txt": "1".repeat(40), "two.exe": "2".repeat(40), "three.txt": "3" });
  const places = ["one.txt", "two.exe", "three.txt"].map((name) =>
    new TextDecoder("latin1").decode(octets).indexOf(name) + name.length
  );
  for (let length = 0; length < octets.length; length++) {
    const found = await list(octets.subarray(0, length));
    const there = ["one.txt", "two.exe", "three.txt"].filter((_, i) => places[i]! <= length);
    assert.deepEqual(found.slice(0, -1), there, `${length}`);
    assert.match(found.at(-1)!, /^ArchiveFault: has no directory/, `${length}`);
  }
});

test("octets without sense are gone through to their end, and are damage", async () => {
  for (let i = 0; i < 30; i++) {
    const noise = crypto.getRandomValues(new Uint8Array(3000));
    noise.set(zip({}), 2000 + i);
    const octets = i % 2 ? noise : zip({ "a.txt": "x".repeat(500), "b.txt": "y" });
    if (i % 2 === 0) { for (let k = 0; k < 8; k++) octets[(i * 37 + k * 61) % octets.length]! ^= 1 << (k % 8); }
    for (const line of await list(octets)) assert.equal(typeof line, "string");
    await contents(octets).catch((fault) => assert.equal(fault.name, "ArchiveFault"));
  }
});

test("directories that repeat one another without end are not gone through to it", async () => {
  const one = zip({ "a": "" });
  const start = one.length - 22 - 47;
  const record = one.subarray(start, start + 47);
  const [early, late] = [one.slice(-22), one.slice(-22)];
  // Two ends: one tells of the first member only, the other of all of them.
  const before = concat([one.subarray(0, start), record, early, ...Array.from({ length: 5000 }, () => record)]);
  new DataView(late.buffer).setUint32(12, 47 * 5000, true);
  new DataView(late.buffer).setUint32(16, start + 47 + 22, true);
  const found = await list(concat([before, late]));
  assert.equal(found.filter((name) => name === "a").length, 5000);
  const turned = concat([one.subarray(0, start), ...Array.from({ length: 5000 }, () => record)]);
  new DataView(early.buffer).setUint32(12, 47 * 100, true);
  new DataView(early.buffer).setUint32(16, start, true);
  assert.match((await list(concat([turned, early]))).at(-1)!, /directories that repeat one another/);
});
