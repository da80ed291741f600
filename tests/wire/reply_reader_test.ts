import assert from "node:assert/strict";
import { utf8Encode } from "../../src/base/bytes.ts";
import { formatReply, type Reply } from "../../src/wire/reply.ts";
import { readReply, REPLY_LIMITS } from "../../src/wire/reply_reader.ts";
import { test } from "../kit/test.ts";
import { bytes, cuts, readerOf } from "./pieces.ts";

test("replies come out whole, one after another, however they are cut", async () => {
  for (const pieces of cuts(bytes("220 hi\r\n250-mx\r\n250-SIZE 10\r\n250 HELP\r\n550 5.7.1 No\r\n250\r\n"))) {
    const reader = readerOf(pieces);
    assert.deepEqual(await readReply(reader), { kind: "reply", reply: { code: 220, text: "hi" } });
    assert.deepEqual(await readReply(reader), { kind: "reply", reply: { code: 250, text: ["mx", "SIZE 10", "HELP"] } });
    assert.deepEqual(await readReply(reader), { kind: "reply", reply: { code: 550, enhanced: "5.7.1", text: "No" } });
    assert.deepEqual(await readReply(reader), { kind: "reply", reply: { code: 250, text: "" } });
    assert.deepEqual(await readReply(reader), { kind: "end" });
  }
});

test("a status is taken off only when every line begins with it and it fits the code", async () => {
  const table: [string, Reply][] = [
    ["550-5.1.1 a\r\n550 5.1.1 b\r\n", { code: 550, enhanced: "5.1.1", text: ["a", "b"] }],
    ["550-5.1.1\r\n550 5.1.1 b\r\n", { code: 550, enhanced: "5.1.1", text: ["", "b"] }],
    ["550-5.1.1 a\r\n550 b\r\n", { code: 550, text: ["5.1.1 a", "b"] }],
    ["550 4.1.1 a\r\n", { code: 550, text: "4.1.1 a" }],
    ["550 5.1.10x\r\n", { code: 550, text: "5.1.10x" }],
  ];
  for (const [input, reply] of table) {
    assert.deepEqual(await readReply(readerOf([bytes(input)])), { kind: "reply", reply });
  }
});

test("garbage is a value", async () => {
  for (
    const input of [
      "hello\r\n",
      "25 x\r\n",
      "2500 x\r\n",
      "199 x\r\n",
      "600 x\r\n",
      "\r\n",
      "250_x\r\n",
      "250-a\r\n251 b\r\n",
      "250 a\n",
      "250 a\rb\r\n",
    ]
  ) {
    for (const pieces of cuts(bytes(input))) {
      assert.equal((await readReply(readerOf(pieces))).kind, "garbage", JSON.stringify(input));
    }
  }
  assert.deepEqual(await readReply(readerOf([bytes("250 a\n")], undefined, { bareLf: "allow" })), {
    kind: "reply",
    reply: { code: 250, text: "a" },
  });
});

test("a peer that leaves within a reply is the end", async () => {
  for (const pieces of cuts(bytes("250-a\r\n250 b"))) {
    assert.deepEqual(await readReply(readerOf(pieces)), { kind: "end" });
  }
});

test("lines, octets and the line's length are limited", async () => {
  const many = `${"250-x\r\n".repeat(10)}250 x\r\n`;
  assert.equal((await readReply(readerOf([bytes(many)]), { ...REPLY_LIMITS, lines: 11 })).kind, "reply");
  assert.equal((await readReply(readerOf([bytes(many)]), { ...REPLY_LIMITS, lines: 10 })).kind, "garbage");
  assert.equal((await readReply(readerOf([bytes(many)]), { ...REPLY_LIMITS, octets: 77 })).kind, "reply");
  assert.equal((await readReply(readerOf([bytes(many)]), { ...REPLY_LIMITS, octets: 76 })).kind, "garbage");
  assert.equal((await readReply(readerOf([bytes(many)]), { ...REPLY_LIMITS, line: 6 })).kind, "garbage");
});

test("control characters become spaces, UTF-8 stays", async () => {
  assert.deepEqual(await readReply(readerOf([bytes("250 a\x1b[2J\0b\r\n")])), {
    kind: "reply",
    reply: { code: 250, text: "a [2J b" },
  });
  assert.deepEqual(await readReply(readerOf([utf8Encode("250 grüße\r\n")])), {
    kind: "reply",
    reply: { code: 250, text: "grüße" },
  });
});

test("what formatReply writes, readReply reads", async () => {
  for (
    const reply of [
      { code: 250, text: "OK" },
      { code: 250, text: ["a", "b"] },
      { code: 450, enhanced: "4.2.0", text: ["a", "b", "ü"] },
    ] satisfies Reply[]
  ) {
    for (const pieces of cuts(utf8Encode(formatReply(reply)))) {
      assert.deepEqual(await readReply(readerOf(pieces)), { kind: "reply", reply });
    }
  }
});
