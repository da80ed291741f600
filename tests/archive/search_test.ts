import assert from "node:assert/strict";
import { type Bytes, concat, utf8Encode } from "../../src/base/bytes.ts";
import { gzip, tar, zip } from "../kit/archives.ts";
import { lzma, sevenZip, xz } from "../kit/lzma_archives.ts";
import { bzip2, compress, rar4, rar5 } from "../kit/old_archives.ts";
import { test } from "../kit/test.ts";
import { search } from "./kit.ts";

function lzmaInZip(content: Bytes): Bytes {
  const { settings, octets } = lzma(content);
  return concat([Uint8Array.of(9, 20, 5, 0), settings, octets]);
}

test("archives within archives are looked into: zip in zip, tar in gz in zip, zip in tar [row 275]", async () => {
  const inner = zip({ "b.exe": "MZ", "c.txt": "x".repeat(9000) });
  const nested = zip({
    "a.txt": "hello",
    "deep.zip": zip({ "deeper.zip": inner }),
    "t.tar.gz": gzip(tar({ "dir/d.scr": "x", "z.zip": inner })),
    "plain.gz": gzip("just text", "e.vbs"),
  });
  const expected = [
    "o.zip/a.txt",
    "o.zip/deep.zip",
    "o.zip/deep.zip/deeper.zip",
    "o.zip/deep.zip/deeper.zip/b.exe",
    "o.zip/deep.zip/deeper.zip/c.txt",
    "o.zip/t.tar.gz",
    "o.zip/t.tar.gz/dir/d.scr",
    "o.zip/t.tar.gz/z.zip",
    "o.zip/t.tar.gz/z.zip/b.exe",
    "o.zip/t.tar.gz/z.zip/c.txt",
    "o.zip/plain.gz",
    "o.zip/plain.gz/e.vbs",
    "o.zip/plain.gz/plain",
  ];
  for (const [room, pieceSize] of [[0, 7], [100, 1000], [1e6, undefined]] as const) {
    const { names, troubles, disk } = await search("o.zip", nested, { room, ...(pieceSize && { pieceSize }) });
    assert.deepEqual(names, expected);
    assert.deepEqual(troubles, []);
    assert.deepEqual([disk.files.size, disk.open], [0, 0]);
  }
});

test("7z, rar, xz, bzip2 and compress are looked into, alone and within others [row 275]", async () => {
  const evil = zip({ "evil.exe": "MZ" });
  const kinds: Record<string, Bytes> = {
    "a.7z": sevenZip({ "a.txt": "x", "in.zip": evil }),
    "l.7z": sevenZip({ "a.txt": "x", "in.zip": evil }, { method: "lzma", packedHeader: true }),
    "a.rar": rar5([{ name: "in.zip", content: evil }]),
    "b.rar": rar4([{ name: "in.zip", content: evil }]),
    "t.tar.xz": xz(tar({ "in.zip": evil })),
    "t.tar.bz2": bzip2(tar({ "in.zip": evil })),
    "t.tar.Z": compress(tar({ "in.zip": evil })),
  };
  for (const [name, octets] of Object.entries(kinds)) {
    const alone = await search(name, octets);
    assert.ok(alone.names.includes(`${name}/in.zip/evil.exe`), `${name}: ${alone.names} ${alone.details}`);
    assert.deepEqual(alone.troubles, []);
    const within = await search("o.zip", zip({ [name]: octets }));
    assert.ok(within.names.includes(`o.zip/${name}/in.zip/evil.exe`), name);
    assert.deepEqual([within.disk.open, within.troubles], [0, []]);
  }
  assert.deepEqual((await search("x.xz", xz("hello"))).names, ["x.xz/x"]);
  for (const [method, content] of [[12, bzip2(evil)], [14, lzmaInZip(evil)], [95, xz(evil)]] as const) {
    const { names, details } = await search("o.zip", zip([{ name: "in.zip", method, content, size: evil.length }]));
    assert.deepEqual([names.at(-1), details], ["o.zip/in.zip/evil.exe", []]);
  }
});

test("what RAR has compressed is told of where an archive would lie in it, and not else [row 275]", async () => {
  const { names, troubles } = await search("a.rar", rar5([{ name: "a.exe", content: "??", isCompressed: true }]));
  assert.deepEqual([names, troubles], [["a.rar/a.exe"], []]);
  const closed = await search("a.rar", rar4([{ name: "in.zip", content: "??", isCompressed: true }]));
  assert.deepEqual(closed.troubles, ["unknown a.rar/in.zip"]);
  const hidden = await search("a.rar", rar5([], { encryptedHeaders: true }));
  assert.deepEqual(hidden.troubles, ["encrypted a.rar"]);
  assert.deepEqual((await search("a.7z", sevenZip({ "a": "x" }, { packedHeader: "aes" }))).troubles, [
    "encrypted a.7z",
  ]);
});

test("an archive is known by what it is, whatever it is called, and a document is none [row 275]", async () => {
  const evil = zip({ "evil.exe": "MZ" });
  assert.deepEqual((await search("invoice.pdf", evil)).names, ["invoice.pdf/evil.exe"]);
  assert.deepEqual((await search("o.zip", zip({ "pic.jpg": evil }))).names.at(-1), "o.zip/pic.jpg/evil.exe");
  assert.deepEqual((await search("t.txt", tar({ "evil.exe": "MZ" }))).names, ["t.txt/evil.exe"]);
  assert.deepEqual((await search("x", gzip("MZ", "evil.exe"))).names, ["x/evil.exe", "x/x"]);
  const office = await search("letter.docx", zip({ "word/document.xml": "<x/>" }));
  assert.deepEqual([office.isArchive, office.names], [false, []]);
  const text = await search("hello.txt", utf8Encode("hello"));
  assert.deepEqual([text.isArchive, text.names, text.troubles], [false, [], []]);
  // Something in front of it, as self-extracting ones have.
  const behind = zip({ "evil.exe": "MZ" }, { before: "#!/bin/sh\n" });
  assert.deepEqual((await search("o.zip", behind)).names, ["o.zip/evil.exe"]);
});

test("what says it is an archive and is none, or of a format that is not read, is told of [row 275]", async () => {
  assert.deepEqual((await search("a.zip", utf8Encode("no zip"))).troubles, ["damaged a.zip"]);
  assert.deepEqual((await search("a.zip", new Uint8Array(0))).troubles, ["damaged a.zip"]);
  const zstd = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 0);
  assert.deepEqual((await search("a.dat", zstd)).troubles, ["unknown a.dat"]);
  const odd = zip([{ name: "in.zip", content: "??", method: 9 }, { name: "in.jpg", content: "??", method: 9 }]);
  const { names, troubles, details } = await search("a.zip", odd);
  assert.deepEqual([names.length, troubles], [2, ["unknown a.zip/in.zip"]]);
  assert.match(details[0]!, /method 9/);
});

test("archives beyond the depth are told of, and not opened; those beside them are [row 275]", async () => {
  let nested = zip({ "evil.exe": "MZ" });
  for (let i = 0; i < 6; i++) nested = zip({ [`${i}.zip`]: nested, "beside.txt": "x" });
  const { names, troubles } = await search("o.zip", nested, { depth: 3 });
  assert.deepEqual(troubles, ["depth o.zip/5.zip/4.zip/3.zip"]);
  assert.equal(names.filter((name) => name.endsWith("beside.txt")).length, 3);
  assert.ok(!names.some((name) => name.endsWith("evil.exe")));
  assert.deepEqual((await search("o.zip", nested, { depth: 7 })).troubles, []);
  assert.deepEqual((await search("o.zip", nested, { depth: 6 })).troubles.length, 1);
  assert.deepEqual((await search("o.zip", nested, { depth: 0 })).troubles, ["depth o.zip"]);
  let wrapped = gzip("x");
  for (let i = 0; i < 20; i++) wrapped = gzip(wrapped);
  assert.match((await search("o.gz", wrapped, { depth: 4 })).troubles.join(), /^depth /);
});

test("a bomb stops at the limit of octets, whichever way it is packed, and soon [row 275]", async () => {
  const zeros = new Uint8Array(300_000);
  const bombs = {
    "z.zip": zip({ "in.zip": zeros }),
    "t.tgz": gzip(tar({ "zeros": zeros })),
    "s.7z": sevenZip({ "zeros": zeros, "in.zip": zeros }),
    "x.tar.xz": xz(tar({ "zeros": zeros })),
    "c.tar.Z": compress(tar({ "zeros": zeros })),
    "g.zip": zip({ "in.gz": gzip(gzip(tar({ "zeros": zeros }))) }),
    // Many members of one body.
    "m.zip": zip(Array.from({ length: 50 }, (_, i) => ({ name: `${i}.zip`, content: new Uint8Array(8_000) }))),
  };
  for (const [name, bomb] of Object.entries(bombs)) {
    assert.ok(bomb.length < 20_000, `${name} is ${bomb.length} octets`);
    const { troubles } = await search(name, bomb, { octets: 100_000 });
    assert.ok(troubles.includes(`octets ${name}`), `${name}: ${troubles}`);
    const enough = (await search(name, bomb, { octets: 2_000_000 })).troubles;
    assert.ok(!enough.some((trouble) => trouble.startsWith("octets")), `${name}: ${enough}`);
  }
});

test("the beginning of each member is looked at, and costs nothing of the limit", async () => {
  const logs = zip(Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`${i}.log`, new Uint8Array(100_000)])));
  const { names, troubles } = await search("logs.zip", logs, { octets: 1000 });
  assert.deepEqual([names.length, troubles], [40, []]);
});

test("more members than the limit, over all archives together, stop it [row 275]", async () => {
  const some = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`${i}.txt`, "x"]));
  const nested = zip({ ...some, "in.zip": zip(some), "in.tar": tar(some) });
  assert.deepEqual((await search("o.zip", nested, { members: 122 })).troubles, []);
  const { names, troubles } = await search("o.zip", nested, { members: 121 });
  assert.deepEqual([names.length, troubles], [121, ["members o.zip"]]);
});

test("encrypted members are told of once for each archive, and their names are found [row 275]", async () => {
  const secret = zip([{ name: "a.exe", content: "?", flags: 1 }, { name: "b.zip", content: "?", flags: 1 }]);
  const { names, troubles } = await search("o.zip", zip({ "s.zip": secret, "c.txt": "x" }));
  assert.deepEqual(names, ["o.zip/s.zip", "o.zip/s.zip/a.exe", "o.zip/s.zip/b.zip", "o.zip/c.txt"]);
  assert.deepEqual(troubles, ["encrypted o.zip/s.zip"]);
});

test("cut off anywhere an archive gives names or a trouble, and never a fault [row 275]", async () => {
  const inner = zip({ "b.exe": "MZ", "c.txt": "hello" });
  const kinds = {
    "o.zip": zip({ "in.zip": inner }),
    "o.tgz": gzip(tar({ "in.zip": inner })),
    "s.zip": zip([{ name: "in.zip", content: inner, method: 0 }]),
    "o.tar": tar({ "in.zip": inner }, { endless: true }),
  };
  for (const [name, octets] of Object.entries(kinds)) {
    for (let length = 0; length < octets.length; length += name === "o.tar" ? 37 : 5) {
      const { troubles, names } = await search(name, octets.subarray(0, length));
      // What is behind the last member's octets may be missing.
      const all = names.some((found) => found.endsWith("b.exe"));
      assert.ok(all || troubles.length > 0, `${name} of ${length}: ${names}`);
    }
    const part = await search("out.zip", zip({ [name]: octets.subarray(0, octets.length >> 1) }));
    assert.ok(part.troubles.length > 0 && part.names.includes(`out.zip/${name}`), name);
  }
});

test("a damaged archive within another is looked into as far as it goes, and those behind it too", async () => {
  const cut = zip({ "b.exe": "MZ", "c.txt": "hello" });
  const lying = { name: "in.zip", content: cut, size: 5 };
  const { names, troubles } = await search("o.zip", zip([lying, { name: "z.zip", content: zip({ "d.exe": "x" }) }]));
  assert.deepEqual(names, ["in.zip", "in.zip/b.exe", "in.zip/c.txt", "z.zip", "z.zip/d.exe"].map((n) => `o.zip/${n}`));
  assert.deepEqual(troubles, ["damaged o.zip/in.zip"]);
});

test("endless names are shortened in their middle, so that their ending is seen", async () => {
  const long = "x".repeat(60_000) + ".exe";
  const { names } = await search("o.zip", zip({ [long]: "x" }));
  assert.ok(names[0]!.length <= 1024 && names[0]!.startsWith("o.zip/xx") && names[0]!.endsWith("xx.exe"));
});

test("paths that lead out are names like others: nothing is written under them", async () => {
  const { names, disk } = await search(
    "o.zip",
    zip({ "../../etc/passwd": "x", "/abs.exe": "x", "C:\\w\\a.exe": "x" }),
    { room: 0 },
  );
  assert.deepEqual(names, ["o.zip/../../etc/passwd", "o.zip//abs.exe", "o.zip/C:\\w\\a.exe"]);
  assert.equal(disk.files.size, 0);
});

test("whoever gives up is heard, between octets and between members; others get their turn", async () => {
  const reason = new Error("enough");
  await assert.rejects(search("o.zip", zip({ "a": "x" }), { signal: AbortSignal.abort(reason) }), reason);
  const bomb = gzip(tar({ "zeros": new Uint8Array(20_000_000) }));
  const giveUp = new AbortController();
  let turns = 0;
  const other = setInterval(() => {
    if (++turns === 2) giveUp.abort(reason);
  }, 1);
  try {
    await assert.rejects(search("o.tgz", bomb, { octets: 1e9, signal: giveUp.signal }), reason);
  } finally {
    clearInterval(other);
  }
  assert.equal(turns, 2);
});

test("a disk that is full is a fault, and nothing stays open", async () => {
  const { Spool } = await import("../../src/archive/spool.ts");
  const { ArchiveSearch } = await import("../../src/archive/search.ts");
  const { MemoryDisk, noSpace } = await import("../kit/memory_disk.ts");
  const disk = new MemoryDisk();
  disk.before = (operation) => {
    if (operation.kind === "write") throw noSpace();
  };
  const search = new ArchiveSearch({
    limits: { depth: 5, octets: 1e6, members: 10 },
    isArchive: () => false,
    newSpool: () => new Spool({ host: disk, path: "/spool", room: 0 }),
    signal: new AbortController().signal,
  });
  await assert.rejects(search.look(["a.zip"], ReadableStream.from([concat([zip({ "a": "x" })])])), /ENOSPC/);
  assert.deepEqual([disk.open, disk.files.size], [0, 0]);
});
