/** Decoding is the inverse of encoding, for any text; what decodes is ASCII without blanks. The same for base64. */
import assert from "node:assert/strict";
import { latin1Decode, utf8Decode } from "../../../src/base/bytes.ts";
import { decodeBase64, encodeBase64 } from "../../../src/wire/base64.ts";
import { decodeXtext, encodeXtext } from "../../../src/wire/xtext.ts";
import type { FuzzTarget } from "../target.ts";

export default {
  seeds: ["e+3Dmc2@example.com", "a+b=c d", "gr\u00c3\u00bc\u00c3\u009fe", "AGEAYg==", "+2B+3D+C3+BC"],
  words: ["+", "=", "+2B", "+ff", "+C3", "==", " ", "\0", "\u00f0\u009d\u0084\u009e"],
  check(input) {
    const text = utf8Decode(input);
    const encoded = encodeXtext(text);
    assert.match(encoded, /^[!-~]*$/);
    assert.equal(decodeXtext(encoded), text);
    const raw = latin1Decode(input);
    if (decodeXtext(raw) !== undefined) assert.match(raw, /^[!-~]*$/);
    assert.deepEqual(decodeBase64(encodeBase64(input)), input);
    const octets = decodeBase64(raw);
    if (octets !== undefined) assert.equal(encodeBase64(octets), raw);
  },
} satisfies FuzzTarget;
