/** Whatever a client says within AUTH is read or refused, never thrown at; what is read is written back the same. */
import assert from "node:assert/strict";
import { latin1Decode, utf8Decode } from "../../../src/base/bytes.ts";
import { parseOauthBearer, parseXoauth2 } from "../../../src/wire/sasl/bearer.ts";
import { decodeName, encodeName } from "../../../src/wire/sasl/name.ts";
import { parseCram, parsePlain } from "../../../src/wire/sasl/plain.ts";
import { saslPrep } from "../../../src/wire/sasl/prep.ts";
import { bindsTo, parseClientFinal, parseClientFirst, textOf } from "../../../src/wire/sasl/scram.ts";
import { formatScramKeys, parseScramKeys } from "../../../src/wire/sasl/scram_keys.ts";
import type { FuzzTarget } from "../target.ts";

const KEY = "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=";

export default {
  seeds: [
    "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
    "p=tls-server-end-point,a=x=2Cy,n=a=3Db,r=abc,x=ext",
    `c=biws,r=rOprNGfwEbeRWgbNEkqO,p=${KEY}`,
    `SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$${KEY}:${KEY}`,
    `{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==,${KEY},${KEY}`,
    "n,a=user@example.com,\x01host=x\x01port=143\x01auth=Bearer vF9dft4q\x01\x01",
    "user=a@b.test\x01auth=Bearer ya29\x01\x01",
    "\0tim\0secret",
    "tim 0123456789abcdef0123456789abcdef",
  ],
  words: [
    ",",
    "=",
    "=2C",
    "=3D",
    "n,,",
    "y,,",
    "p=",
    "a=",
    "m=",
    "r=",
    "c=",
    "\x01",
    "\0",
    "auth=Bearer ",
    "\u00c3\u00bc",
  ],
  check(input) {
    const text = utf8Decode(input);
    const first = parseClientFirst(text);
    if (first !== undefined) {
      assert.equal(first.gs2Header + first.bare, text);
      assert.equal(decodeName(encodeName(first.user)), first.user);
      assert.equal(first.bare.startsWith(`n=${encodeName(first.user)},r=${first.nonce}`), true);
    }
    const final = parseClientFinal(text);
    if (final !== undefined) {
      assert.equal(text.startsWith(`${final.withoutProof},p=`), true);
      assert.equal(final.proof.length, 32);
      if (first !== undefined) bindsTo(final, first, final.binding);
    }
    const keys = parseScramKeys(text);
    if (keys !== undefined) assert.deepEqual(parseScramKeys(formatScramKeys(keys)), keys);
    for (const said of [parseOauthBearer(input), parseXoauth2(input)]) {
      if (said !== undefined) assert.match(said.token, /^[A-Za-z0-9._~+/=-]*$/);
    }
    const plain = parsePlain(input);
    if (plain !== undefined) assert.equal(plain.user !== "" && plain.password !== "", true);
    const cram = parseCram(input);
    if (cram !== undefined) assert.match(cram.digest, /^[0-9a-f]{32}$/);
    // What is prepared stays as it is.
    const prepared = saslPrep(text);
    if (prepared !== undefined) assert.equal(saslPrep(prepared), prepared);
    if (textOf(input) !== undefined) assert.equal(latin1Decode(input).includes("\u00ef\u00bf\u00bd"), false);
  },
} satisfies FuzzTarget;
