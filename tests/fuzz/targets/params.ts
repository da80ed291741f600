/** Parameters read, written and read again are the same; the value readers never throw. */
import assert from "node:assert/strict";
import { utf8Decode } from "../../../src/base/bytes.ts";
import { formatParameters, parseParameters, readAuth, readBody, readSize } from "../../../src/wire/params.ts";
import {
  formatDeliverBy,
  formatOriginalRecipient,
  readDeliverBy,
  readEnvelopeId,
  readHoldFor,
  readHoldUntil,
  readNotify,
  readOriginalRecipient,
  readPriority,
  readRet,
} from "../../../src/wire/option_values.ts";
import type { FuzzTarget } from "../target.ts";

export default {
  seeds: [
    " SIZE=1000 BODY=8BITMIME",
    " AUTH=a+3Db@c.d SMTPUTF8",
    " RET=HDRS ENVID=x NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a@b",
    " BY=120;RT MT-PRIORITY=-4 HOLDFOR=60 HOLDUNTIL=2026-03-01T12:00:00+02:00",
    " ORCPT=utf-8;\\x{FC}\u00c3\u00bc\\x{2B}@b",
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
      checkWishes(value);
    }
  },
} satisfies FuzzTarget;

/** What is read of a value stands in its range, and says the same when it is written again. */
function checkWishes(value: string | null): void {
  const original = readOriginalRecipient(value);
  if (original !== undefined) {
    assert.doesNotMatch(original.address, /[\r\n\0]/);
    for (const utf8 of [true, false]) {
      const text = formatOriginalRecipient(original, utf8);
      // Written out in ASCII it may be too long to be read.
      if (text.length <= 494) assert.deepEqual(readOriginalRecipient(text), original);
    }
  }
  const by = readDeliverBy(value);
  if (by !== undefined) assert.deepEqual(readDeliverBy(formatDeliverBy(by)), by);
  const notify = readNotify(value);
  assert.ok(notify === undefined || (notify.length > 0 && new Set(notify).size === notify.length));
  assert.match(readEnvelopeId(value) ?? "-", /^[ -~]{1,100}$/);
  assert.ok(Math.abs(readPriority(value) ?? 0) <= 9);
  assert.ok((readHoldFor(value) ?? 1) > 0);
  assert.ok(Number.isSafeInteger(readHoldUntil(value) ?? 0));
  readRet(value);
}
