import assert from "node:assert/strict";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { selfSigned } from "../../src/host/self_signed.ts";
import { test } from "../kit/test.ts";

test("a certificate of our own holds the names asked for, fits its key and is on P-256", async () => {
  const now = Date.UTC(2026, 0, 1);
  const pair = await selfSigned(["mail.test", "127.0.0.1"], now, 30);
  const cert = new X509Certificate(pair.cert);
  assert.equal(cert.checkPrivateKey(createPrivateKey(pair.key)), true);
  assert.match(cert.subjectAltName!, /DNS:mail\.test, IP Address:127\.0\.0\.1/);
  assert.equal(cert.subject, "CN=mail.test");
  assert.equal(cert.publicKey.asymmetricKeyType, "ec");
  assert.equal(new Date(cert.validTo).getTime(), now + 30 * 86_400_000);
  assert.equal(cert.ca, false);
});
