import assert from "node:assert/strict";
import { handshakeResult, tlsResultOf } from "../../src/delivery/tls_result.ts";
import { test } from "../kit/test.ts";

test("why a handshake failed has a name of RFC 8460, told from either runtime's words", () => {
  const node = (code: string) => Object.assign(new Error("x"), { code });
  const cases: [unknown, string][] = [
    [node("CERT_HAS_EXPIRED"), "certificate-expired"],
    [new Error("invalid peer certificate: Expired"), "certificate-expired"],
    [new Error("invalid peer certificate: certificate expired: verification time 1 (UNIX)"), "certificate-expired"],
    [node("ERR_TLS_CERT_ALTNAME_INVALID"), "certificate-host-mismatch"],
    [new Error('invalid peer certificate: certificate not valid for name "x"'), "certificate-host-mismatch"],
    [new Error("invalid peer certificate: NotValidForName"), "certificate-host-mismatch"],
    [node("SELF_SIGNED_CERT_IN_CHAIN"), "certificate-not-trusted"],
    [node("DEPTH_ZERO_SELF_SIGNED_CERT"), "certificate-not-trusted"],
    [node("UNABLE_TO_VERIFY_LEAF_SIGNATURE"), "certificate-not-trusted"],
    [node("UNABLE_TO_GET_ISSUER_CERT_LOCALLY"), "certificate-not-trusted"],
    [new Error("invalid peer certificate: UnknownIssuer"), "certificate-not-trusted"],
    [new Error("ssl3_check_cert_and_algorithm:dh key too small"), "validation-failure"],
    [new Error("received fatal alert: HandshakeFailure"), "validation-failure"],
    ["odd", "validation-failure"],
  ];
  for (const [error, result] of cases) assert.equal(handshakeResult(error), result, String(error));
});

test("only what concerns TLS has such a name", () => {
  const reply = { kind: "reply", reply: { code: 454, text: "" } } as const;
  assert.equal(tlsResultOf({ stage: "starttls", finding: { kind: "tls-missing" } }), "starttls-not-supported");
  assert.equal(tlsResultOf({ stage: "starttls", finding: reply }), "starttls-not-supported");
  assert.equal(tlsResultOf({ stage: "starttls", finding: { kind: "silence" } }), "validation-failure");
  const finding = { kind: "tls-unverified", result: "certificate-expired", detail: "" } as const;
  assert.equal(tlsResultOf({ stage: "tls", finding }), "certificate-expired");
  assert.equal(tlsResultOf({ stage: "mail", finding: reply }), undefined);
  assert.equal(tlsResultOf({ stage: "dot", finding: { kind: "silence" } }), undefined);
});
