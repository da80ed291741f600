import assert from "node:assert/strict";
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
} from "../../src/wire/option_values.ts";
import { test } from "../kit/test.ts";

test("NOTIFY is NEVER, or some of the others, each once (RFC 3461 §4.1)", () => {
  assert.deepEqual(readNotify("never"), ["NEVER"]);
  assert.deepEqual(readNotify("SUCCESS,failure,DELAY"), ["SUCCESS", "FAILURE", "DELAY"]);
  for (
    const value of [
      null,
      "",
      "NEVER,FAILURE",
      "DELAY,NEVER",
      "FAILURE,FAILURE",
      "SUCCESS,",
      "ALWAYS",
      "SUCCESS FAILURE",
    ]
  ) {
    assert.equal(readNotify(value), undefined, String(value));
  }
});

test("ORCPT is a type and an address, decoded (RFC 3461 §4.2)", () => {
  assert.deepEqual(readOriginalRecipient("rfc822;a+2Bb@c.test"), { type: "rfc822", address: "a+b@c.test" });
  assert.deepEqual(readOriginalRecipient("RFC822;x"), { type: "RFC822", address: "x" });
  assert.equal(readOriginalRecipient(`rfc822;${"a".repeat(487)}`)!.address.length, 487);
  assert.equal(readOriginalRecipient(`rfc822;${"a".repeat(488)}`), undefined);
  for (const value of [null, "", "a@b.test", "rfc822;", ";a", "rfc822;a+4", "rfc822;a+0D+0AX: y", "rfc822;ü@b"]) {
    assert.equal(readOriginalRecipient(value), undefined, String(value));
  }
});

test("ORCPT in UTF-8 comes in two forms (RFC 6533 §3)", () => {
  const wanted = { type: "utf-8", address: "ü+=\\@b.test" };
  assert.deepEqual(readOriginalRecipient("utf-8;\\x{FC}\\x{2B}\\x{3D}\\x{5C}@b.test"), wanted);
  assert.deepEqual(readOriginalRecipient("utf-8;ü\\x{2B}\\x{3D}\\x{5C}@b.test"), wanted);
  for (
    const value of [
      "utf-8;\\x{D800}",
      "utf-8;\\x{110000}",
      "utf-8;\\x{fc}",
      "utf-8;a\\b",
      "utf-8;a+2Bb",
      "utf-8;\\x{0D}",
    ]
  ) {
    assert.equal(readOriginalRecipient(value), undefined, value);
  }
  for (const utf8 of [true, false]) {
    assert.deepEqual(readOriginalRecipient(formatOriginalRecipient(wanted, utf8)), wanted);
  }
  assert.equal(formatOriginalRecipient({ type: "rfc822", address: "a+b" }, true), "rfc822;a+2Bb");
});

test("RET, ENVID and MT-PRIORITY have their forms", () => {
  assert.deepEqual(["full", "HDRS", "BODY", null].map(readRet), ["FULL", "HDRS", undefined, undefined]);
  assert.equal(readEnvelopeId("QQ+20314159"), "QQ 314159");
  assert.equal(readEnvelopeId("x".repeat(100))!.length, 100);
  for (const value of [null, "x".repeat(101), "a+0A", "a+C3+BC", "a+7F", "ü"]) {
    assert.equal(readEnvelopeId(value), undefined);
  }
  assert.deepEqual(["-9", "0", "9"].map(readPriority), [-9, 0, 9]);
  for (const value of [null, "", "-0", "+1", "10", "-10", "01", "1.5"]) {
    assert.equal(readPriority(value), undefined, String(value));
  }
});

test("BY is seconds, what becomes of the mail then, and perhaps a trace (RFC 2852 §4)", () => {
  assert.deepEqual(readDeliverBy("120;R"), { seconds: 120, mode: "R", trace: false });
  assert.deepEqual(readDeliverBy("-5;nt"), { seconds: -5, mode: "N", trace: true });
  for (const value of [null, "", "120", "120;X", "120;TR", "1234567890;R", "1.5;N", "0;R", "-1;R", ";N"]) {
    assert.equal(readDeliverBy(value), undefined, String(value));
  }
  for (const text of ["120;R", "-5;NT"]) assert.equal(formatDeliverBy(readDeliverBy(text)!), text);
});

test("HOLDFOR is seconds, HOLDUNTIL a date that exists (RFC 4865 §4)", () => {
  assert.equal(readHoldFor("999999999"), 999_999_999);
  for (const value of [null, "", "0", "-1", "1234567890", "1h"]) assert.equal(readHoldFor(value), undefined);
  assert.equal(readHoldUntil("2026-03-01T12:00:00Z"), Date.UTC(2026, 2, 1, 12));
  assert.equal(readHoldUntil("2026-03-01t12:00:00.5+02:00"), Date.UTC(2026, 2, 1, 10) + 500);
  for (
    const value of [
      null,
      "",
      "2026-03-01",
      "2026-02-31T00:00:00Z",
      "2026-03-01T25:00:00Z",
      "2026-03-01T00:00:00",
      "soon",
    ]
  ) {
    assert.equal(readHoldUntil(value), undefined, String(value));
  }
});
