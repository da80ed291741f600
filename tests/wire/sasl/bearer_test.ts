import assert from "node:assert/strict";
import { latin1Encode, utf8Decode } from "../../../src/base/bytes.ts";
import { oauthBearerFault, parseOauthBearer, parseXoauth2, xoauth2Fault } from "../../../src/wire/sasl/bearer.ts";
import { test } from "../../kit/test.ts";

test("OAUTHBEARER as in RFC 7628 §4.1, with a user, without one, and asking only", () => {
  const of = (text: string) => parseOauthBearer(latin1Encode(text));
  const token = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==";
  assert.deepEqual(
    of(`n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer ${token}\x01\x01`),
    { user: "user@example.com", token },
  );
  assert.deepEqual(of("y,,\x01auth=bearer abc\x01\x01"), { user: "", token: "abc" });
  assert.deepEqual(of("n,a=u=2Cv,\x01auth=\x01\x01"), { user: "u,v", token: "" });
  for (
    const bad of [
      "",
      "n,,",
      "n,,\x01auth=Bearer x\x01",
      "p=tls-unique,,\x01auth=Bearer x\x01\x01",
      "n,,\x01auth=Basic x\x01\x01",
      "n,,\x01host=x\x01\x01",
      "n,a=u=v,\x01auth=Bearer x\x01\x01",
      "n,,\x01auth=Bearer a b\x01\x01",
    ]
  ) assert.equal(of(bad), undefined, JSON.stringify(bad));
});

test("XOAUTH2 as Google and Microsoft have it", () => {
  const of = (text: string) => parseXoauth2(latin1Encode(text));
  assert.deepEqual(of("user=a@b.test\x01auth=Bearer ya29.vF9\x01\x01"), { user: "a@b.test", token: "ya29.vF9" });
  for (const bad of ["", "user=\x01auth=Bearer x\x01\x01", "user=a\x01auth=Bearer x", "user=a\x01auth=\x01\x01"]) {
    assert.equal(of(bad), undefined, JSON.stringify(bad));
  }
});

test("faults are told in JSON", () => {
  const fault = { status: "invalid_token", scope: "smtp", configuration: "https://id.test/.well-known" };
  assert.deepEqual(JSON.parse(utf8Decode(oauthBearerFault(fault))), {
    status: "invalid_token",
    scope: "smtp",
    "openid-configuration": "https://id.test/.well-known",
  });
  assert.deepEqual(JSON.parse(utf8Decode(oauthBearerFault({ status: "x" }))), { status: "x" });
  assert.deepEqual(JSON.parse(utf8Decode(xoauth2Fault(fault))), { status: "401", schemes: "bearer", scope: "smtp" });
});
