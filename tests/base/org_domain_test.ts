import assert from "node:assert/strict";
import { isPublicSuffix, organizationalDomain, registeredDomain, splitHost } from "../../src/base/org_domain.ts";
import { test } from "../kit/test.ts";

test("[row 156] the organizational domain is the label below the public suffix, and the host itself where there is none", () => {
  const CASES = {
    "example.com": "example.com",
    "a.b.Example.COM": "example.com",
    "www.example.co.uk": "example.co.uk",
    "co.uk": "co.uk",
    "localhost": "localhost",
    "x.github.io": "x.github.io",
    "192.0.2.1": "192.0.2.1",
  };
  for (const [host, wanted] of Object.entries(CASES)) assert.equal(organizationalDomain(host), wanted, host);
});

test("a registered domain is one that the public suffix list knows", () => {
  const CASES = {
    "a.Example.com": "example.com",
    "www.example.co.uk": "example.co.uk",
    "mail.xn--e1afmkfd.xn--p1ai": "xn--e1afmkfd.xn--p1ai",
    "a.b.github.io": "b.github.io",
    "co.uk": undefined,
    "mail.lan": undefined,
    "localhost": undefined,
    "192.0.2.1": undefined,
    "[192.0.2.1]": undefined,
    "": undefined,
  };
  for (const [host, wanted] of Object.entries(CASES)) assert.equal(registeredDomain(host), wanted, host);
});

test("[row 156] a host is split above its organizational domain, and public suffixes are known", () => {
  assert.deepEqual(splitHost("a.B.example.co.uk"), ["a.b", "example.co.uk"]);
  assert.deepEqual(splitHost("example.com"), ["", "example.com"]);
  assert.deepEqual(splitHost("localhost"), ["", "localhost"]);
  assert.equal(organizationalDomain("a.b.co.uk"), "b.co.uk");
  for (const suffix of ["com", "co.uk", "CO.UK", "github.io"]) assert.equal(isPublicSuffix(suffix), true, suffix);
  for (const name of ["example.com", "b.co.uk", "lan", "localhost", "192.0.2.1", ""]) {
    assert.equal(isPublicSuffix(name), false, name);
  }
});
