import assert from "node:assert/strict";
import { utf8Decode } from "../../src/base/bytes.ts";
import { parseAddress } from "../../src/mail/address.ts";
import { type ReportRecipient, statusFields, type StatusOptions } from "../../src/mail/dsn_status.ts";
import { test } from "../kit/test.ts";

const JOE: ReportRecipient = { address: parseAddress("joe@b.org")!, action: "failed", status: "5.0.0", reason: "so" };

function fields(recipient: Partial<ReportRecipient>, more: Partial<StatusOptions> = {}): string {
  const options = { me: "mx.test", recipients: [{ ...JOE, ...recipient }], arrivedAt: 0, utf8: false, ...more };
  return statusFields(options).map(utf8Decode).join("");
}

test("each recipient has a block of its own behind an empty line, with what is known of it", () => {
  const text = fields({
    action: "delayed",
    status: "4.4.1",
    originalRecipient: { type: "rfc822", address: "first+x@b.org" },
    remote: "mx.b.org",
    reply: { code: 451, enhanced: "4.7.1", text: ["wait\t ", " a\x07 bit"] },
    retryUntil: Date.UTC(2026, 0, 5),
  }, { envelopeId: "QQ+1" });
  const [message, recipient, ...more] = text.split("\r\n\r\n");
  assert.equal(more.length, 0);
  assert.match(message!, /^Original-Envelope-Id: QQ\+1\r\nReporting-MTA: dns; mx\.test\r\nArrival-Date: /);
  assert.match(
    recipient!,
    /^Original-Recipient: rfc822; first\+x@b\.org\r\nFinal-Recipient: rfc822; joe@b\.org\r\nAction: delayed\r\nStatus: 4\.4\.1\r\nRemote-MTA: dns; mx\.b\.org\r\nDiagnostic-Code: smtp; 451 4\.7\.1 wait a {2}bit\r\nWill-Retry-Until: /,
  );
});

test("an address that needs SMTPUTF8 is of type utf-8: as it is, or in utf-8-addr-xtext (RFC 6533 §3)", () => {
  const wide = { address: parseAddress("gr+ü=ß@bücher.org")! };
  assert.match(fields(wide, { utf8: true }), /\r\nFinal-Recipient: utf-8; gr\+ü=ß@bücher\.org\r\n/);
  assert.match(
    fields(wide),
    /\r\nFinal-Recipient: utf-8; gr\\x\{2B\}\\x\{FC\}\\x\{3D\}\\x\{DF\}@b\\x\{FC\}cher\.org\r\n/,
  );
  // One with A-labels needs none.
  const plain = { address: parseAddress("joe@bücher.org")! };
  for (const utf8 of [true, false]) {
    assert.match(fields(plain, { utf8 }), /\r\nFinal-Recipient: rfc822; joe@xn--bcher-kva\.org\r\n/);
  }
});
