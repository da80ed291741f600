import assert from "node:assert/strict";
import {
  concat,
  EMPTY,
  equalBytes,
  latin1Decode,
  latin1Encode,
  shortLived,
  utf8Decode,
  utf8Encode,
} from "../../src/base/bytes.ts";
import { test } from "../kit/test.ts";

test("latin1 keeps every octet, whatever the length", () => {
  const bytes = Uint8Array.from({ length: 20_000 }, (_, i) => i & 0xff);
  assert.ok(equalBytes(latin1Encode(latin1Decode(bytes)), bytes));
  assert.equal(latin1Decode(Uint8Array.of(0, 0x80, 0xff)), "\0\x80\xff");
  assert.deepEqual(latin1Encode("\u0141"), Uint8Array.of(0x41));
});

test("utf8 decoding marks what is malformed and keeps a byte order mark", () => {
  assert.equal(utf8Decode(utf8Encode("grün 🚚")), "grün 🚚");
  assert.equal(utf8Decode(Uint8Array.of(0x61, 0xff)), "a\ufffd");
  assert.equal(utf8Decode(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61)), "\ufeffa");
});

test("concat joins in order, equalBytes compares length and content", () => {
  assert.deepEqual(concat([latin1Encode("a"), EMPTY, latin1Encode("bc")]), latin1Encode("abc"));
  assert.equal(concat([]).length, 0);
  assert.equal(equalBytes(latin1Encode("ab"), latin1Encode("abc")), false);
  assert.equal(equalBytes(latin1Encode("ab"), latin1Encode("ac")), false);
  assert.equal(equalBytes(EMPTY, new Uint8Array(0)), true);
});

test("short-lived octets are those of any other encoding, and stay what they were while others are made", () => {
  const texts = Array.from({ length: 2000 }, (_, i) => `${i} ${"grün 🚚 ".repeat(i % 90)}${"x".repeat(i % 700)}`);
  const made = texts.map((text) => shortLived(text));
  for (const [i, text] of texts.entries()) assert.ok(equalBytes(made[i]!, utf8Encode(text)), `text ${i}`);
  assert.equal(shortLived("").length, 0);
});

test("text is decoded alike whether it is short or long, ASCII or not", () => {
  for (const length of [0, 1, 255, 256, 257, 9000]) {
    for (const end of ["", "é", "\u{1f69a}"]) {
      const text = "a\r\n\tb".repeat(length).slice(0, length) + end;
      assert.equal(utf8Decode(utf8Encode(text)), text);
    }
  }
});
