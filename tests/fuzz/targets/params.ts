/** Parameters read, written and read again are the same; the value readers never throw. */
import assert from "node:assert/strict";
import { utf8Decode } from "../../../src/base/bytes.ts";
import { formatParameters, parseParameters, readAuth, readBody, readSize } from "../../../src/wire/params.ts";
import type { FuzzTarget } from "../target.ts";

export default {
  seeds: [
    " SIZE=1000 BODY=8BITMIME",
    " AUTH=a+3Db@c.d SMTPUTF8",
    " RET=HDRS ENVID=x NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a@b",
    "",
  ],
  words: [" ", "=", "-", "SIZE", "A=1", "+", "+3D", "\t", "\0", "\u00c3\u00bc", "<>"],
  check(input) {
    const parameters = parseParameters(utf8Decode(input));
    if (parameters === undefined) return;
    const text = formatParameters(parameters);
    const again = parseParameters(text);
    assert.deepEqual(again, parameters);
    assert.equal(formatParameters(again!), text);
    for (const [key, value] of parameters) {
      assert.match(key, /^[A-Z0-9][A-Z0-9-]*$/);
      const size = readSize(value);
      assert.ok(size === undefined || (Number.isFinite(size) && size >= 0));
      readBody(value);
      readAuth(value);
    }
  },
} satisfies FuzzTarget;
