import assert from "node:assert/strict";
import plugin from "../../plugins/fcrdns.ts";
import { settled } from "../kit/fake_clock.ts";
import { type FakeSession, fakeSession, message } from "../kit/fake_session.ts";
import { startPlugin } from "../kit/hook.ts";
import { test } from "../kit/test.ts";
import type { ZoneText } from "../kit/zone.ts";

const IP = "208.75.177.98";
const PTR = "98.177.75.208.in-addr.arpa";
interface Client {
  readonly reject?: string;
  readonly prepare?: (session: FakeSession) => void;
  readonly ip?: string;
  readonly isPrivate?: boolean;
}
/** Connects a client whose address has these names. */
async function connect(zone: ZoneText, { reject, prepare, ip = IP, isPrivate = false }: Client = {}) {
  const ini = `timeout=2\n${reject === undefined ? "" : `[reject]\n${reject}=true\n`}`;
  const started = await startPlugin(plugin, { zone, files: { "fcrdns.ini": ini } });
  const session = fakeSession({ ip, isPrivate, from: "a@b.test" });
  prepare?.(session);
  await started.run("connect_init", { session });
  let over = false;
  const running = started.run("lookup_rdns", { session }).finally(() => over = true);
  await settled();
  while (!over) await started.machine.clock.advance(1000);
  const { verdict } = await running;
  const found = session.results.get(plugin)!;
  const iprev = session.notes.get("authentication_results");
  return { verdict: verdict?.kind, found, iprev, session, started };
}
const named = (ptr: string | readonly string[], more: ZoneText = {}): ZoneText => ({
  [PTR]: { PTR: [ptr].flat() },
  ...more,
});

test("reverse names are confirmed by looking them up, and each failing refuses only where it is set to [row 267]", async () => {
  const good = await connect(named("Mail.example.com", { "mail.example.com": { A: ["192.0.2.1", IP] } }));
  assert.deepEqual([good.verdict, good.iprev], [undefined, ["iprev=pass"]]);
  assert.deepEqual([good.found.pass, good.found.fail], [["is_generic_rdns", "fcrdns"], []]);
  assert.deepEqual([good.found["fcrdns"], good.found["has_rdns"], good.found["ptr_name_has_ips"]], [
    ["mail.example.com"],
    true,
    true,
  ]);
  const near = await connect(named("mail.example.com", { "mail.example.com": { A: ["208.75.177.1"] } }), {
    reject: "no_fcrdns",
  });
  assert.deepEqual([near.verdict, near.iprev, near.found.pass[1]], [undefined, ["iprev=pass"], "fcrdns(net)"]);

  /** what is wrong, the zone, the flag that refuses, what is noted, the method's result */
  const FAILINGS: readonly [ZoneText, flag: string, fail: string, iprev: string][] = [
    [{}, "no_rdns", "has_rdns", "permerror"],
    [named("mail.example.com", { "mail.example.com": { A: ["192.0.2.1"] } }), "no_fcrdns", "", "fail"],
    [named("mail.example.com"), "no_fcrdns", "ptr_valid(mail.example.com)", "fail"],
    [named("mail.nosuchtld", { "mail.nosuchtld": { A: [IP] } }), "invalid_tld", "valid_tld(mail.nosuchtld)", "fail"],
    [
      named("c-208-75-177-98.example.com", { "c-208-75-177-98.example.com": { A: [IP] } }),
      "generic_rdns",
      "is_generic_rdns",
      "pass",
    ],
  ];
  const FLAGS = ["no_rdns", "no_fcrdns", "invalid_tld", "generic_rdns"];
  for (const [zone, flag, fail, iprev] of FAILINGS) {
    for (const reject of [undefined, ...FLAGS]) {
      const { verdict, found, iprev: noted } = await connect(zone, { ...(reject && { reject }) });
      // A name that cannot be looked at confirms nothing either.
      const refuses = reject === flag || (reject === "no_fcrdns" && flag === "invalid_tld");
      assert.equal(verdict, refuses ? "deny" : undefined, `${flag} under ${reject}`);
      assert.deepEqual([found.fail, noted], [fail === "" ? [] : [fail], [`iprev=${iprev}`]]);
    }
  }
});

test("what is found is noted by kind", async () => {
  const many = await connect(named(["a.example.com", "b.example.net", "c.nosuchtld"], {
    "a.example.com": { A: ["192.0.2.1"] },
    "b.example.net": { A: [IP] },
  }));
  const { fcrdns, other_ips, invalid_tlds, ptr_names, ptr_multidomain, ptr_name_to_ip } = many.found;
  assert.deepEqual({ fcrdns, other_ips, invalid_tlds, ptr_names, ptr_multidomain, ptr_name_to_ip }, {
    fcrdns: ["b.example.net"],
    other_ips: ["192.0.2.1"],
    invalid_tlds: ["c.nosuchtld"],
    ptr_names: ["a.example.com", "b.example.net", "c.nosuchtld"],
    ptr_multidomain: true,
    ptr_name_to_ip: { "a.example.com": ["192.0.2.1"], "b.example.net": [IP] },
  });
  const mail = message("X-Haraka-FCrDNS: forged\nSubject: x\n\nHello\n");
  await many.started.run("data_post", { session: many.session, event: { message: mail } });
  assert.deepEqual(mail.header.getAll("X-Haraka-FCrDNS"), ["b.example.net"]);
  assert.equal(mail.header.get("X-Haraka-rDNS-OtherIPs"), "192.0.2.1");

  const none = await connect({});
  assert.deepEqual([none.found["has_rdns"], none.found["fcrdns"], none.found["generic_rdns"]], [false, [], false]);
  const line = await connect(named("208-75-177-98.static.example.com"), { reject: "generic_rdns" });
  assert.deepEqual([line.verdict, line.found["generic_rdns"]], [undefined, false]);
  const generic = await connect(named("208-75-177-98.example.com"));
  assert.equal(generic.found["generic_rdns"], true);
});

test("IPv6 clients are looked at by nibbles", async () => {
  const reverse = `${"1.0.0.0.".repeat(1)}${"0.".repeat(20)}8.b.d.0.1.0.0.2.ip6.arpa`;
  const { found } = await connect(
    { [reverse]: { PTR: ["six.example.com"] }, "six.example.com": { AAAA: ["2001:db8::1"] } },
    { ip: "2001:db8::1" },
  );
  assert.deepEqual(found["fcrdns"], ["six.example.com"]);
});

test("a DNS that cannot say refuses nobody for good, and nobody at all where nothing is to be refused", async () => {
  for (const [failure, err] of [["servfail", "SERVFAIL"], ["silent", "timeout"]] as const) {
    const zone: ZoneText = { [PTR]: failure };
    const lenient = await connect(zone);
    assert.deepEqual([lenient.verdict, lenient.found.err, lenient.iprev], [undefined, [err], ["iprev=temperror"]]);
    assert.equal((await connect(zone, { reject: "no_rdns" })).verdict, "defer");
    const forward = named("mail.example.com", { "mail.example.com": failure });
    assert.equal((await connect(forward)).verdict, undefined);
    const strict = await connect(forward, { reject: "no_fcrdns" });
    assert.deepEqual([strict.verdict, strict.iprev], ["defer", ["iprev=temperror"]]);
  }
});

test("private clients are not looked at, and those the access lists let in are spared what they exempt from", async () => {
  const near = await connect({}, { isPrivate: true, reject: "no_rdns" });
  assert.deepEqual([near.verdict, near.found.skip, near.started.machine.resolver.calls], [
    undefined,
    ["private_ip"],
    [],
  ]);
  const prepare = (session: FakeSession) => session.notes.set("rdns_access", "white");
  for (
    const [reject, zone] of [
      ["no_rdns", {}],
      ["invalid_tld", named("mail.nosuchtld")],
      ["generic_rdns", named("c-208-75-177-98.example.com")],
    ] as const
  ) assert.equal((await connect(zone, { reject, prepare })).verdict, undefined, reject);
  assert.equal(
    (await connect({ [PTR]: { PTR: ["mail.example.com"] } }, { reject: "no_fcrdns", prepare })).verdict,
    "deny",
  );
});

test("a client that is looked up again has one result in Authentication-Results", async () => {
  const { session, started } = await connect({});
  started.machine.resolver.set(PTR, { PTR: ["mail.example.com"] });
  started.machine.resolver.set("mail.example.com", { A: [IP] });
  session.notes.set("authentication_results", [
    "auth=pass (plain)",
    ...session.notes.get("authentication_results") as [],
  ]);
  await started.run("lookup_rdns", { session });
  assert.deepEqual(session.notes.get("authentication_results"), ["auth=pass (plain)", "iprev=pass"]);
});
