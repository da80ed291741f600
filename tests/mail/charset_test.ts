import assert from "node:assert/strict";
import { latin1Encode, utf8Encode } from "../../src/base/bytes.ts";
import { decodeText, encodeText } from "../../src/mail/charset.ts";
import { test } from "../kit/test.ts";

test("text is read by its charset; what nobody knows is said, and no octet is lost", () => {
  assert.deepEqual(decodeText(latin1Encode("caf\xe9"), "ISO-8859-1"), { text: "café", known: true });
  assert.deepEqual(decodeText(latin1Encode("\xf0\xd2"), "koi8-r"), { text: "Пр", known: true });
  assert.deepEqual(decodeText(utf8Encode("Grüße"), ""), { text: "Grüße", known: true });
  assert.deepEqual(decodeText(latin1Encode("Gr\xfc"), "us-ascii"), { text: "Grü", known: true });
  assert.deepEqual(decodeText(latin1Encode("Gr\xfc"), "utf-8"), { text: "Gr\ufffd", known: true });
  assert.deepEqual(decodeText(latin1Encode("Gr\xfc"), "klingon"), { text: "Grü", known: false });
});

test("text is written in its charset, or not at all", () => {
  for (const charset of ["utf-8", "iso-8859-1", "iso-8859-15", "windows-1252", "koi8-r", "ibm866"]) {
    const octets = Uint8Array.from({ length: 128 }, (_, i) => i);
    assert.deepEqual(encodeText(decodeText(octets, charset).text, charset), octets, charset);
  }
  assert.deepEqual(encodeText("10 €", "iso-8859-15"), latin1Encode("10 \xa4"));
  assert.equal(encodeText("10 €", "iso-8859-2"), undefined);
  assert.equal(encodeText("ß", "us-ascii"), undefined);
  assert.equal(encodeText("あ", "shift_jis"), undefined);
  assert.equal(encodeText("a", "utf-16le"), undefined);
  assert.equal(encodeText("ß", "klingon"), undefined);
  assert.deepEqual(encodeText("plain", "shift_jis"), utf8Encode("plain"));
});
