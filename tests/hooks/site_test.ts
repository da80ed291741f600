import assert from "node:assert/strict";
import { DEFAULT_POLICY, type SiteSection } from "../../src/config/sites.ts";
import { NO_SITES, SiteTable } from "../../src/hooks/site.ts";
import { test } from "../kit/test.ts";

function table(...names: readonly string[]): SiteTable {
  const sections = names.map((name, i): SiteSection => {
    const kind = name.startsWith("mx:") ? "mx" : "domain";
    const pattern = kind === "mx" ? name.slice(3) : name;
    return { name, kind, pattern, policy: { ...DEFAULT_POLICY, connections: i + 1 } };
  });
  return new SiteTable({ defaults: DEFAULT_POLICY, sections });
}

test("a domain's own section before a wildcard, the longer wildcard before the shorter, MX hosts after both, all others last", () => {
  const sites = table("*", "mx:*.big.example", "*.example.com", "*.deep.example.com", "a.example.com");
  const name = (domain: string, ...hosts: string[]) => sites.siteOf(domain, hosts).name;
  assert.equal(name("a.example.com", "mx.big.example"), "a.example.com");
  assert.equal(name("b.example.com", "mx.big.example"), "*.example.com");
  assert.equal(name("x.deep.example.com"), "*.deep.example.com");
  assert.equal(name("example.com"), "*");
  assert.equal(name("other.test", "mx.big.example"), "mx:*.big.example");
  assert.equal(name("other.test", "own.test", "mx.big.example"), "mx:*.big.example");
  assert.equal(name("other.test", "big.example"), "*");
  assert.deepEqual([sites.isPlain, sites.asksMx], [false, true]);
});

test("without a section a domain is a site of its own, under the defaults", () => {
  assert.deepEqual(NO_SITES.siteOf("example.com"), { name: "example.com", policy: DEFAULT_POLICY });
  assert.deepEqual([NO_SITES.isPlain, NO_SITES.asksMx, NO_SITES.byMx(["mx.example"])], [true, false, undefined]);
  const sites = table("a.example");
  assert.deepEqual([sites.isPlain, sites.asksMx, sites.siteOf("b.example").name], [false, false, "b.example"]);
});

test("case, a dot behind and the script of a name do not matter", () => {
  const sites = table("bücher.example", "*.xn--bcher-kva.test", "mx:mx.example");
  assert.equal(sites.siteOf("xn--bcher-kva.example").name, "bücher.example");
  assert.equal(sites.siteOf("BÜCHER.example").name, "bücher.example");
  assert.equal(sites.siteOf("mail.bücher.test").name, "*.xn--bcher-kva.test");
  assert.equal(sites.siteOf("x.example", ["MX.Example."]).name, "mx:mx.example");
});

test("what is no host name is a site as well", () => {
  for (const odd of ["", ".", "..", "[192.0.2.1]", "a b", "__proto__", "\u0000"]) {
    assert.equal(table("*.example").siteOf(odd).name, odd);
  }
});

test("[mx:*] is every domain that has a host", () => {
  const sites = table("mx:*");
  assert.equal(sites.asksMx, true);
  assert.equal(sites.siteOf("a.example", ["anything.test"]).name, "mx:*");
  assert.equal(sites.siteOf("a.example", []).name, "a.example");
});
