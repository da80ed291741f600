import assert from "node:assert/strict";
import { ConfigError } from "../../src/base/config_error.ts";
import { type CertificateNotice, Certificates, type IdentityFiles } from "../../src/host/certificates.ts";
import { makePki } from "../kit/pki.ts";
import { test } from "../kit/test.ts";

const pki = await makePki();
const named = (pair: { key: string; cert: string }, file: string): IdentityFiles => ({
  key: { file: `${file}.key`, text: pair.key },
  cert: { file: `${file}.pem`, text: pair.cert },
});
const load = (identities: readonly IdentityFiles[], notices: CertificateNotice[] = []) =>
  new Certificates({ identities }, () => Date.now(), (notice) => notices.push(notice));

test("the name chooses: exact, one label under a wildcard, else the first", () => {
  const store = load([named(pki.leaf, "leaf"), named(pki.other, "other")]);
  const [leaf, other] = store.identities;
  assert.equal(store.identityFor("other.test"), other);
  assert.equal(store.identityFor("MX.Test"), leaf);
  assert.equal(store.identityFor("a.wild.test"), other);
  for (const name of ["", "wild.test", "a.b.wild.test", "nobody.test"]) {
    assert.equal(store.identityFor(name), leaf, name);
  }
});

test("a key that is none, of another certificate, or a certificate that is none names its file", () => {
  const good = named(pki.leaf, "leaf");
  const cases: [IdentityFiles, string][] = [
    [{ ...good, key: { file: "bad.key", text: "rubbish" } }, "bad.key"],
    [{ ...good, key: { file: "wrong.key", text: pki.other.key } }, "wrong.key"],
    [{ ...good, cert: { file: "bad.pem", text: "rubbish" } }, "bad.pem"],
  ];
  for (const [files, file] of cases) {
    assert.throws(() => load([files]), (error) => error instanceof ConfigError && error.fault.file === file);
  }
  assert.throws(() => load([]), ConfigError);
});

test("an expired certificate is reported and used", () => {
  const notices: CertificateNotice[] = [];
  const store = load([named(pki.expired, "old")], notices);
  assert.equal(notices.length, 1);
  assert.equal(notices[0]!.file, "old.pem");
  assert.equal(notices[0]!.reason, "expired");
  assert.deepEqual(store.identityFor("").names, ["localhost"]);
});

test("a reload that fails keeps what there was", () => {
  const store = load([named(pki.leaf, "leaf")]);
  const before = store.identityFor("");
  assert.throws(() => store.reload({ identities: [], requestCert: true }), ConfigError);
  assert.equal(store.identityFor(""), before);
  assert.equal(store.identityFor("").requestCert, false);
  store.reload({ identities: [named(pki.other, "other")], requestCert: true });
  assert.deepEqual(store.identityFor("").names, ["other.test", "*.wild.test"]);
  assert.equal(store.identityFor("").requestCert, true);
});
