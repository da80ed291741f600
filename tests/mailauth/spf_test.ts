import assert from "node:assert/strict";
import { checkSpf, type SpfResult } from "../../src/mailauth/spf.ts";
import { test } from "../kit/test.ts";
import { zone, type ZoneText } from "../kit/zone.ts";

const MX = "mx.kasi.test";
const ask = (records: ZoneText, from = { ip: "192.0.2.1", sender: "joe@example.com", helo: "client.example.com" }) =>
  checkSpf({ ...from, me: MX, resolver: zone(records) });
const spf = (text: string, more: ZoneText = {}): ZoneText => ({ "example.com": { TXT: [text] }, ...more });

const CASES: readonly [what: string, records: ZoneText, result: SpfResult][] = [
  ["no record", { "example.com": { TXT: ["something else"] } }, "none"],
  ["no such name", {}, "none"],
  ["two records", { "example.com": { TXT: ["v=spf1 +all", "v=spf1 -all"] } }, "permerror"],
  ["ip4", spf("v=spf1 ip4:192.0.2.0/24 -all"), "pass"],
  ["fail", spf("v=spf1 -all"), "fail"],
  ["softfail", spf("v=spf1 ~all"), "softfail"],
  ["neutral", spf("v=spf1 ?all"), "neutral"],
  ["no match at all", spf("v=spf1 ip4:198.51.100.1"), "neutral"],
  ["a", spf("v=spf1 a:host.example.com -all", { "host.example.com": { A: ["192.0.2.1"] } }), "pass"],
  [
    "mx",
    {
      "example.com": { TXT: ["v=spf1 mx -all"], MX: ["10 mail.example.com"] },
      "mail.example.com": { A: ["192.0.2.1"] },
    },
    "pass",
  ],
  [
    "include that passes",
    spf("v=spf1 include:other.test -all", { "other.test": { TXT: ["v=spf1 ip4:192.0.2.1 -all"] } }),
    "pass",
  ],
  [
    "include that fails does not match",
    spf("v=spf1 include:other.test ~all", { "other.test": { TXT: ["v=spf1 -all"] } }),
    "softfail",
  ],
  ["include of nothing", spf("v=spf1 include:nowhere.test -all"), "permerror"],
  ["include of a broken zone", spf("v=spf1 include:broken.test -all", { "broken.test": "servfail" }), "temperror"],
  ["redirect", spf("v=spf1 redirect=other.test", { "other.test": { TXT: ["v=spf1 ip4:192.0.2.1 -all"] } }), "pass"],
  ["redirect to nothing", spf("v=spf1 redirect=nowhere.test"), "permerror"],
  [
    "exists with a macro",
    spf("v=spf1 exists:%{ir}.list.test -all", { "1.2.0.192.list.test": { A: ["127.0.0.2"] } }),
    "pass",
  ],
  [
    "ptr",
    spf("v=spf1 ptr -all", {
      "1.2.0.192.in-addr.arpa": { PTR: ["a.example.com"] },
      "a.example.com": { A: ["192.0.2.1"] },
    }),
    "pass",
  ],
  ["a word nobody knows", spf("v=spf1 sesame -all"), "permerror"],
  ["an unknown modifier", spf("v=spf1 moon=full ip4:192.0.2.1 -all"), "pass"],
  ["a record that includes itself", spf("v=spf1 include:example.com -all"), "permerror"],
  ["two void look-ups", spf("v=spf1 a:v1.test a:v2.test -all"), "fail"],
  ["three void look-ups", spf("v=spf1 a:v1.test a:v2.test a:v3.test -all"), "permerror"],
  ["servfail", { "example.com": "servfail" }, "temperror"],
  ["refused", { "example.com": "refused" }, "temperror"],
  ["timeout", { "example.com": "timeout" }, "temperror"],
  ["network", { "example.com": "network" }, "temperror"],
  ["servfail further down", spf("v=spf1 a:broken.test -all", { "broken.test": "servfail" }), "temperror"],
];
for (const [what, records, result] of CASES) {
  test(`SPF: ${what} is ${result}`, async () => {
    const found = await ask(records);
    assert.equal(found.result, result, found.reason);
    assert.equal(found.domain, "example.com");
    if (result === "temperror") assert.match(found.reason, /SERVFAIL|REFUSED|servfail|refused|timeout|network/i);
  });
}

test("SPF: the eleventh look-up is one too many", async () => {
  const hosts = (count: number) => Array.from({ length: count }, (_, i) => `h${i}.test`);
  const records = (count: number) =>
    spf(`v=spf1 ${hosts(count).map((host) => `a:${host}`).join(" ")} -all`, {
      ...Object.fromEntries(hosts(count).map((host) => [host, { A: ["198.51.100.9"] }])),
    });
  assert.equal((await ask(records(10))).result, "fail");
  assert.equal((await ask(records(11))).result, "permerror");
});

test("SPF: the null sender asks about the HELO name; an IPv6 client is matched by ip6", async () => {
  const records = { "client.example.com": { TXT: ["v=spf1 ip6:2001:db8::/32 -all"] } };
  const found = await ask(records, { ip: "2001:db8::25", sender: "", helo: "client.example.com" });
  assert.deepEqual([found.result, found.domain], ["pass", "client.example.com"]);
  assert.equal(found.record, "v=spf1 ip6:2001:db8::/32 -all");
});

test("SPF: an aborted check rejects", async () => {
  const signal = AbortSignal.timeout(20);
  const asked = checkSpf({
    ip: "192.0.2.1",
    sender: "a@slow.test",
    helo: "c",
    me: MX,
    resolver: zone({ "slow.test": "silent" }),
    signal,
  });
  await assert.rejects(asked, { name: "TimeoutError" });
});
