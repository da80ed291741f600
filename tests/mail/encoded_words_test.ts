import assert from "node:assert/strict";
import { latin1Encode, utf8Encode } from "../../src/base/bytes.ts";
import { decodeBase64, decodeCharset, decodeExtended, decodeWords, encodeWords } from "../../src/mail/encoded_words.ts";
import { test } from "../kit/test.ts";

test("the examples of RFC 2047 §8 read as it says", () => {
  assert.equal(decodeWords("(=?ISO-8859-1?Q?a?=)"), "(a)");
  assert.equal(decodeWords("(=?ISO-8859-1?Q?a?= b)"), "(a b)");
  assert.equal(decodeWords("(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)"), "(ab)");
  assert.equal(decodeWords("(=?ISO-8859-1?Q?a?=  \r\n  =?ISO-8859-1?Q?b?=)"), "(ab)");
  assert.equal(decodeWords("(=?ISO-8859-1?Q?a_b?=)"), "(a b)");
  assert.equal(decodeWords("(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)"), "(a b)");
  assert.equal(decodeWords("=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?="), "If you can read this yo");
  assert.equal(decodeWords("=?US-ASCII*EN?Q?Keith_Moore?="), "Keith Moore");
});

test("a character cut in two between words is put together", () => {
  assert.equal(decodeWords("=?utf-8?Q?gr=C3?= =?utf-8?Q?=BCn?="), "grün");
  assert.equal(decodeWords("=?utf-8?B?4oI=?= =?utf-8?B?rA==?="), "€");
});

test("what cannot be decoded stays as it stands", () => {
  assert.equal(decodeWords("=?no-such-charset?Q?a=41?="), "=?no-such-charset?Q?a=41?=");
  assert.equal(decodeWords("=?utf-8?Q?open"), "=?utf-8?Q?open");
  assert.equal(decodeWords("=?utf-8?X?a?="), "=?utf-8?X?a?=");
  assert.equal(decodeWords("=?utf-8?Q?=4?="), "=4");
  assert.equal(decodeWords("=?utf-8?B?QQ?="), "A");
  assert.equal(decodeCharset(utf8Encode("a"), "nothing"), undefined);
});

test("base64 passes over what is not of its alphabet", () => {
  assert.deepEqual(decodeBase64("QU\r\n J D!=="), latin1Encode("ABC"));
  assert.deepEqual(decodeBase64("QUJDR"), latin1Encode("ABC"));
  assert.deepEqual(decodeBase64(""), new Uint8Array(0));
});

test("extended values carry their charset", () => {
  assert.deepEqual(decodeExtended("iso-8859-1'en'%A3%20rates"), {
    charset: "iso-8859-1",
    bytes: latin1Encode("\xa3 rates"),
  });
  assert.equal(decodeExtended("plain"), undefined);
});

test("encoding and decoding give the text back, and no word is longer than 75", () => {
  for (
    const text of ["grün", "Grüße an alle", "日本語".repeat(40), "a ü  ö b", "🚚 mail 🚚", "=?x?= ü", "ü?_=", "plain"]
  ) {
    const encoded = encodeWords(text);
    // deno-lint-ignore no-control-regex
    assert.match(encoded, /^[\x00-\x7f]*$/);
    assert.equal(decodeWords(encoded), text);
    for (const word of encoded.match(/=\?UTF-8\?[QB]\?[^?]*\?=/g) ?? []) assert.ok(word.length <= 75, word);
  }
});
