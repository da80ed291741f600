import assert from "node:assert/strict";
import { utf8Encode } from "../../../src/base/bytes.ts";
import { parseCram, parsePlain } from "../../../src/wire/sasl/plain.ts";
import { test } from "../../kit/test.ts";

test("PLAIN is three texts, the first passed over, the others not empty", () => {
  const of = (text: string) => parsePlain(utf8Encode(text));
  assert.deepEqual(of("me\0jürgen\0geheim"), { user: "jürgen", password: "geheim" });
  assert.deepEqual(of("\0a\0b"), { user: "a", password: "b" });
  for (const bad of ["", "\0", "\0a\0", "\0\0b", "a\0b", "\0a\0b\0c"]) assert.equal(of(bad), undefined);
});

test("CRAM-MD5's answer is a name, which may hold blanks, and a digest", () => {
  const digest = "0123456789abcdef0123456789ABCDEF";
  assert.deepEqual(parseCram(utf8Encode(`a b ${digest}`)), { user: "a b", digest: digest.toLowerCase() });
  for (const bad of ["", digest, ` ${digest}`, `a ${digest}0`, `a ${digest.slice(1)}`]) {
    assert.equal(parseCram(utf8Encode(bad)), undefined, bad);
  }
});
