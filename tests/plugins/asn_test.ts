import assert from "node:assert/strict";
import plugin from "../../plugins/asn.ts";
import { fakeSession, message } from "../kit/fake_session.ts";
import { startPlugin } from "../kit/hook.ts";
import { mmdb } from "../kit/mmdb.ts";
import { test } from "../kit/test.ts";
import type { ZoneText } from "../kit/zone.ts";

const ALL = "providers=origin.asn.cymru.com,asn.rspamd.com,asn.routeviews.org,origin.asn.spameatingmonkey.net\n";
const CLIENT = "8.8.8.8";
/** Texts of the four about an address. */
const about = (reversed: string, texts: readonly string[]): ZoneText => {
  const zones = ["origin.asn.cymru.com", "asn.rspamd.com", "asn.routeviews.org", "origin.asn.spameatingmonkey.net"];
  return Object.fromEntries(texts.map((text, i) => [`${reversed}.${zones[i]}`, { TXT: [text] }]));
};
const TEST_IP = about("165.51.128.66", [
  "7819 | 66.128.48.0/20 | US | arin | 2000-08-11",
  "7819|66.128.48.0/20|US|arin|",
  "781966.128.48.020",
  "66.128.48.0/20 | AS7819 | DIGITALWEST | 2000-08-11 | US",
]);
const KNOWN = about("8.8.8.8", [
  "15169 36040 | 8.8.8.0/24 | US | arin | 2023-12-28",
  "15169|8.8.8.0/24|US|arin|",
  "151698.8.8.024",
  "8.8.8.0/24 | AS15169 | GOOGLE - Google LLC | 2023-12-28 | US",
]);

async function bench(ini: string, zone: ZoneText, database?: Uint8Array) {
  const started = await startPlugin({
    ...plugin,
    async setup(host) {
      if (database !== undefined) host.machine.host.writeFileSync("/tmp/GeoLite2-ASN.mmdb", database);
      return await plugin.setup(host);
    },
  }, { zone, files: { "asn.ini": ini } });
  const settle = () => new Promise((resolve) => setTimeout(resolve, 2));
  await settle();
  return {
    ...started,
    settle,
    async look(ip = CLIENT, isPrivate = false) {
      const session = fakeSession({ ip, isPrivate, from: "a@b.test" });
      const { verdict } = await started.run("lookup_rdns", { session });
      assert.equal(verdict, undefined);
      return { session, found: session.results.get(plugin) };
    },
  };
}

test("[row 266] four providers are asked, and what each says is noted under its key", async () => {
  const { look } = await bench(ALL, { ...TEST_IP, ...KNOWN });
  const { found } = await look();
  assert.deepEqual([found?.asn, found?.net, found?.org], ["15169", "8.8.8.0/24", "GOOGLE - Google LLC"]);
  const date = "2023-12-28";
  const common = { asn: "15169", net: "8.8.8.0/24" };
  assert.deepEqual(found?.cymru, { ...common, country: "US", assignor: "arin", date });
  assert.deepEqual(found?.rspamd, { ...common, country: "US", assignor: "arin" });
  assert.deepEqual(found?.routeviews, common);
  assert.deepEqual(found?.monkey, { ...common, org: "GOOGLE - Google LLC", date, country: "US" });
});

test("[row 266] IPv6 is asked of those that know it; private clients and those known already are not asked about", async () => {
  const nibbles = [..."20014860486000000000000000008888"].reverse().join(".");
  const { look, machine, run } = await bench(ALL, {
    ...TEST_IP,
    [`${nibbles}.origin6.asn.cymru.com`]: { TXT: ["15169 | 2001:4860::/32 | US | arin |"] },
    [`${nibbles}.origin6.asn.routeviews.org`]: { TXT: ["151692001:4860::32"] },
  });
  const { found, session } = await look("2001:4860:4860::8888");
  assert.deepEqual([found?.asn, found?.net], ["15169", "2001:4860::/32"]);
  assert.deepEqual(found?.routeviews, { asn: "15169", net: "2001:4860::/32" });
  const asked = machine.resolver.calls.length;
  await run("lookup_rdns", { session });
  await look("10.0.0.1", true);
  assert.equal(machine.resolver.calls.length, asked);
  const none = await bench(`providers=\n`, {});
  assert.equal((await none.look()).found, undefined);
  const off = await bench(`${ALL}[protocols]\ndns=false\n`, { ...TEST_IP, ...KNOWN });
  assert.equal((await off.look()).found, undefined);
});

test("a provider that does not pass its test is not asked until it does; trouble and silence are noted", async () => {
  const { look, machine, log, settle } = await bench("providers=asn.rspamd.com,nobody.test\n", KNOWN);
  assert.equal((await look()).found, undefined);
  assert.match(log.text(), /asn\.rspamd\.com does not know 66\.128\.51\.165 \(unknown\); put aside/);
  assert.match(log.text(), /nobody\.test is no provider/);
  machine.resolver.set("165.51.128.66.asn.rspamd.com", { TXT: ["7819|66.128.48.0/20|US|arin|"] });
  await machine.clock.advance(30 * 60_000);
  await settle();
  assert.equal((await look()).found?.asn, "15169");

  machine.resolver.set("8.8.8.8.asn.rspamd.com", "servfail");
  assert.deepEqual((await look()).found?.err, ["rspamd: servfail"]);
  machine.resolver.set("8.8.8.8.asn.rspamd.com", "silent");
  const waiting = look();
  await settle();
  await machine.clock.advance(4_000);
  assert.deepEqual((await waiting).found?.err, ["rspamd: timeout"]);
  machine.resolver.set("8.8.8.8.asn.rspamd.com", { TXT: ["nonsense"] });
  assert.equal((await look()).found?.asn, undefined);
});

test("routeviews' three strings are told apart by the address, and its answer for unknown networks is none", async () => {
  for (
    const [text, asn, net] of [
      ["78.0.0.08", "7", "8.0.0.0/8"],
      ["88.8.8.832", "8", "8.8.8.8/32"],
      ["151698.8.0.016", "15169", "8.8.0.0/16"],
      ["42949672950.0.0.00", undefined, undefined],
      ["15169", undefined, undefined],
    ] as const
  ) {
    const zone = { ...TEST_IP, "8.8.8.8.asn.routeviews.org": { TXT: [text] } };
    const { found } = await (await bench("providers=asn.routeviews.org\n", zone)).look();
    assert.deepEqual([found?.asn, found?.net], [asn, net], text);
  }
});

test("[row 266] headers say what was found, in place of those that came with the mail", async () => {
  const { look, run } = await bench(`${ALL}[header]\nasn=true\nprovider=true\n`, { ...TEST_IP, ...KNOWN });
  const { session } = await look();
  const mail = message("X-Haraka-ASN: 1 forged\nSubject: x\n\nhi\n");
  await run("data_post", { session, event: { message: mail } });
  assert.deepEqual(mail.header.getAll("X-Haraka-ASN"), ["15169 8.8.8.0/24"]);
  assert.equal(mail.header.get("X-Haraka-ASN-Org"), "GOOGLE - Google LLC");
  assert.equal(mail.header.get("X-Haraka-ASN-rspamd"), "asn=15169 net=8.8.8.0/24 country=US assignor=arin");
  const plain = message("Subject: x\n\nhi\n");
  const quiet = await bench(ALL, { ...TEST_IP, ...KNOWN });
  await quiet.run("data_post", { session: (await quiet.look()).session, event: { message: plain } });
  assert.equal(plain.header.fields.length, 1);
  // Nothing is known of this one, whatever the mail says.
  const forged = message("X-Haraka-ASN: 1\nX-Haraka-ASN-Org: x\nX-Haraka-ASN-rspamd: asn=1\nSubject: x\n\nhi\n");
  await run("data_post", { session: fakeSession({ ip: "8.8.4.4", from: "a@b.test" }), event: { message: forged } });
  assert.deepEqual(forged.header.fields.map(({ name }) => name), ["Subject"]);
});

test("[row 266] with geoip, MaxMind's database is looked into first, and the DNS is asked about those it does not know", async () => {
  const database = mmdb({
    type: "GeoLite2-ASN",
    networks: {
      "8.8.8.0/24": { autonomous_system_number: 15169, autonomous_system_organization: "GOOGLE" },
      "2a00:1450::/32": { autonomous_system_number: 15169 },
      "9.9.9.0/24": { autonomous_system_organization: "nobody" },
    },
  });
  const ini = "providers=asn.rspamd.com\ndbdir=/tmp\n[protocols]\ngeoip=true\n[header]\nasn=true\n";
  const zone = { ...TEST_IP, "9.9.9.9.asn.rspamd.com": { TXT: ["19281|9.9.9.0/24|US|arin|"] } };
  const { look, machine, run, change } = await bench(ini, zone, database);
  const asked = machine.resolver.calls.length;
  const { session, found } = await look();
  assert.deepEqual([found?.asn, found?.net, found?.org], ["15169", "8.8.8.0/24", "GOOGLE"]);
  const v6 = (await look("2a00:1450::1")).found;
  assert.deepEqual([v6?.asn, v6?.net, v6?.org], ["15169", "2a00:1450::/32", undefined]);
  assert.equal(machine.resolver.calls.length, asked);
  const mail = message("Subject: x\n\nhi\n");
  await run("data_post", { session, event: { message: mail } });
  assert.deepEqual([mail.header.get("X-Haraka-ASN"), mail.header.get("X-Haraka-ASN-Org")], [
    "15169 8.8.8.0/24",
    "GOOGLE",
  ]);
  assert.equal((await look("9.9.9.9")).found?.asn, "19281");
  // The file goes to another place; then the database is not wanted any more.
  machine.host.mkdirSync("/geo");
  machine.host.writeFileSync(
    "/geo/GeoLite2-ASN.mmdb",
    mmdb({ type: "GeoLite2-ASN", networks: { "8.8.8.0/24": { autonomous_system_number: 7 } } }),
  );
  change("asn.ini", ini.replace("/tmp", "/geo"));
  await machine.clock.advance(0);
  assert.equal((await look()).found?.asn, "7");
  change("asn.ini", ini.replace("geoip=true", "geoip=false"));
  assert.equal((await look()).found?.asn, undefined);

  const missing = await bench(ini, { ...TEST_IP, ...KNOWN });
  assert.match(missing.log.text(), /\[WARN\].*No database in \/tmp: wanted: GeoLite2-ASN\.mmdb/);
  assert.equal((await missing.look()).found?.asn, "15169");
});
