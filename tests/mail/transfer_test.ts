import assert from "node:assert/strict";
import { type Bytes, concat, latin1Decode, latin1Encode } from "../../src/base/bytes.ts";
import { decodeTransfer, encodeTransfer, isEncoding, transferDecoder } from "../../src/mail/transfer.ts";
import { createRandom } from "../fuzz/random.ts";
import { test } from "../kit/test.ts";

/** The same whole and octet by octet. */
function decoded(text: string, encoding: string): string {
  const octets = latin1Encode(text);
  const whole = latin1Decode(decodeTransfer(octets, encoding));
  const decoder = transferDecoder(encoding);
  const pieces = Array.from(octets, (octet) => decoder.push(Uint8Array.of(octet)).slice());
  assert.equal(latin1Decode(concat([...pieces, decoder.end()])), whole, `${JSON.stringify(text)} octet by octet`);
  return whole;
}

test("base64 is read as it comes: broken lines, missing padding, glued pieces, garbage", () => {
  for (
    const [text, wanted] of [
      ["aGVsbG8=", "hello"],
      ["aGVs\r\n bG8", "hello"],
      ["aGk=aGk=", "hihi"],
      ["aG!k-_=", "hi"],
      ["aGVsbG8\r\n", "hello"],
      ["a", ""],
      ["====", ""],
      ["", ""],
    ] as const
  ) assert.equal(decoded(text, "base64"), wanted, text);
});

test("quoted-printable is read as it comes: soft breaks, blanks at line ends, broken escapes", () => {
  for (
    const [text, wanted] of [
      ["caf=E9", "caf\xe9"],
      ["a=\r\nb=\nc", "abc"],
      ["a= \t\r\nb", "ab"],
      ["a  \r\nb\t \nc", "a\r\nb\nc"],
      ["a b", "a b"],
      ["=3d=3D", "=="],
      ["=zz = =4", "=zz = =4"],
      ["end=", "end"],
      ["end  ", "end"],
    ] as const
  ) assert.equal(decoded(text, "quoted-printable"), wanted, JSON.stringify(text));
});

test("what is written is read back, in lines of 76 characters", () => {
  const random = createRandom(7);
  for (let i = 0; i < 300; i++) {
    const octets: Bytes = Uint8Array.from({ length: random.below(300) }, () => random.below(256));
    for (const encoding of ["base64", "quoted-printable", "8bit"]) {
      const written = encodeTransfer(octets, encoding);
      assert.deepEqual(decodeTransfer(written, encoding), octets, encoding);
      if (!isEncoding(encoding)) continue;
      assert.doesNotMatch(latin1Decode(written), /[^\r\n]{77}|[\x80-\xff]|[ \t]\r\n/);
    }
  }
  assert.equal(latin1Decode(encodeTransfer(latin1Encode("a \r\nb=\t"), "quoted-printable")), "a=20\r\nb=3D=09");
});
