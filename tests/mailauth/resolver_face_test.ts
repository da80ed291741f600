import assert from "node:assert/strict";
import { resolverFace } from "../../src/mailauth/resolver_face.ts";
import { test } from "../kit/test.ts";
import { zone, type ZoneFailure } from "../kit/zone.ts";

test("records come as node:dns gives them", async () => {
  const { resolve, failures } = resolverFace(zone({
    "example.com": { A: ["192.0.2.1"], AAAA: ["2001:db8::1"], TXT: ["v=spf1 -all"], MX: ["10 mx.example.com"] },
    "1.2.0.192.in-addr.arpa": { PTR: ["mx.example.com"] },
  }));
  assert.deepEqual(await resolve("example.com", "A"), ["192.0.2.1"]);
  assert.deepEqual(await resolve("example.com.", "AAAA"), ["2001:db8::1"]);
  assert.deepEqual(await resolve("example.com", "TXT"), [["v=spf1 -all"]]);
  assert.deepEqual(await resolve("example.com", "MX"), [{ priority: 10, exchange: "mx.example.com" }]);
  assert.deepEqual(await resolve("1.2.0.192.in-addr.arpa", "PTR"), ["mx.example.com"]);
  assert.deepEqual(failures, []);
});

test("nothing there and nobody to ask are told apart by their codes", async () => {
  const trouble: [ZoneFailure, string][] = [
    ["servfail", "ESERVFAIL"],
    ["refused", "EREFUSED"],
    ["timeout", "ETIMEOUT"],
    ["network", "ECONNREFUSED"],
    ["malformed", "EBADRESP"],
  ];
  const { resolve, failures } = resolverFace(zone({
    "example.com": { A: ["192.0.2.1"] },
    ...Object.fromEntries(trouble.map(([kind]) => [`${kind}.test`, kind])),
  }));
  await assert.rejects(resolve("example.com", "TXT"), { code: "ENODATA" });
  await assert.rejects(resolve("nowhere.test", "TXT"), { code: "ENOTFOUND" });
  assert.deepEqual(failures, []);
  for (const [kind, code] of trouble) await assert.rejects(resolve(`${kind}.test`, "TXT"), { code });
  assert.equal(failures.length, trouble.length);
});

test("a name that cannot be in the DNS is not asked for", async () => {
  const resolver = zone();
  const { resolve } = resolverFace(resolver);
  for (const name of ["", "a..b", `${"x".repeat(64)}.test`, "x.".repeat(130) + "test"]) {
    await assert.rejects(resolve(name, "A"), { code: "EBADNAME" });
  }
  assert.deepEqual(resolver.calls, []);
  await assert.rejects(resolve("example.com", "SOA"), TypeError);
});

test("giving up is a failure, not an answer", async () => {
  const late = new AbortController();
  const { resolve, failures } = resolverFace(zone({ "slow.test": "silent" }), late.signal);
  const asked = resolve("slow.test", "A");
  late.abort();
  await assert.rejects(asked, { code: "ETIMEOUT" });
  assert.deepEqual(failures, ["A slow.test: gave up waiting"]);
});
