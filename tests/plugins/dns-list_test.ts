import assert from "node:assert/strict";
import plugin from "../../plugins/dns-list.ts";
import { fakeSession, type FakeSessionOptions } from "../kit/fake_session.ts";
import { startPlugin } from "../kit/hook.ts";
import { test } from "../kit/test.ts";
import type { ZoneText } from "../kit/zone.ts";

/** A list that passes its test, and lists these by their reversed addresses. */
function list(zone: string, entries: { readonly [reversed: string]: string } = {}): ZoneText {
  const nodes: { [name: string]: { A: string[] } } = { [`2.0.0.127.${zone}`]: { A: ["127.0.0.2"] } };
  for (const [reversed, answer] of Object.entries(entries)) nodes[`${reversed}.${zone}`] = { A: answer.split(" ") };
  return nodes;
}
const CLIENT = "9.2.0.198";

async function bench(ini: string, zone: ZoneText, files: { readonly [file: string]: string } = {}) {
  const started = await startPlugin(plugin, { zone, files: { "dns-list.ini": ini, ...files } });
  const settle = () => new Promise((resolve) => setTimeout(resolve, 2));
  await settle();
  return {
    ...started,
    settle,
    async advance(minutes: number) {
      await started.machine.clock.advance(minutes * 60_000);
      await settle();
    },
    async connect(options: FakeSessionOptions = {}) {
      const session = fakeSession({ ip: "198.0.2.9", ...options });
      const { verdict } = await started.run("connect", { session });
      const { pass = [], fail = [], skip = [], msg = [], err = [] } = session.results.get(plugin) ?? {};
      return { session, kind: verdict?.kind, verdict, pass, fail, skip, msg, err };
    },
  };
}
const refusalOf = (verdict: unknown) => (verdict as { reply: { text: string } }).reply.text;

test("block zones refuse, allow zones let in, karma zones say how good a host is; all answers or the first; zones are tested [row 264]", async () => {
  const zone = {
    ...list("one.test", { [CLIENT]: "127.0.0.3 127.0.0.4" }),
    ...list("two.test", { [CLIENT]: "127.0.0.2" }),
    ...list("soft.test", { [CLIENT]: "127.0.0.2" }),
    ...list("clean.test"),
    "9.2.0.198.slow.test": "silent",
    ...list("slow.test"),
  } as const;
  const ini = "zones[]=one.test\nzones[]=two.test\nzones[]=soft.test\nzones[]=clean.test\n" +
    "[one.test]\n127.0.0.3=spam\n127.0.0.9=other\n[soft.test]\nreject=false\n";
  const all = await (await bench(ini, zone)).connect();
  assert.equal(refusalOf(all.verdict), "client.test [198.0.2.9] is listed on one.test, two.test");
  assert.deepEqual([all.kind, all.pass, all.fail, all.msg], [
    "deny",
    ["clean.test"],
    ["one.test", "two.test", "soft.test"],
    ["spam"],
  ]);
  const soft = await (await bench("zones=soft.test, clean.test\n[soft.test]\nreject=false\n", zone)).connect();
  assert.deepEqual([soft.kind, soft.fail, soft.pass], [undefined, ["soft.test"], ["clean.test"]]);
  // The first refusal does not wait for the silent one.
  const first = await (await bench("search=first\nzones=slow.test,two.test\n", zone)).connect();
  assert.equal(refusalOf(first.verdict), "client.test [198.0.2.9] is listed on two.test");

  const allow = await bench("zones=two.test\n[good.test]\nok_mail=true\n", {
    ...zone,
    ...list("good.test", { [CLIENT]: "127.0.5.1" }),
  }, { "dnswl.zones": "good.test\n" });
  const allowed = await allow.connect();
  assert.deepEqual([allowed.kind, allowed.session.notes.get("dnswl")], ["ok", true]);
  assert.ok(allowed.pass.includes("good.test"));

  for (
    const [answer, kind, noted] of [
      ["127.0.0.1", undefined, { pass: ["hostkarma.junkemailfilter.com"], fail: [], msg: ["whilelist"] }],
      ["127.0.0.2", "deny", { pass: [], fail: ["hostkarma.junkemailfilter.com"], msg: ["blacklist"] }],
      ["127.0.0.3", undefined, { pass: [], fail: [], msg: ["yellowlist", "hostkarma.junkemailfilter.com"] }],
    ] as const
  ) {
    const karma = "hostkarma.junkemailfilter.com";
    const v6 = `2.0.0.0.0.0.f.7.f.f.f.f${".0".repeat(20)}.${karma}`;
    const zone = { ...list(karma, { [CLIENT]: answer, "1.0.0.127": "127.0.0.1" }), [v6]: { A: ["127.0.0.2"] } };
    const { kind: said, pass, fail, msg } = await (await bench(`zones=${karma}\n`, zone)).connect();
    assert.deepEqual([said, { pass, fail, msg }], [kind, noted], answer);
  }

  // Tests: at the start, and every so many minutes.
  const tested = await bench("zones=dead.test,wild.test,clean.test\nperiodic_checks=30\n", {
    ...list("clean.test"),
    ...list("wild.test", { "1.0.0.127": "127.0.0.2", [CLIENT]: "127.0.0.2" }),
  });
  assert.deepEqual((await tested.connect()).pass, ["clean.test"]);
  assert.match(tested.log.text(), /wild\.test lists 127\.0\.0\.1/);
  tested.machine.resolver.set("2.0.0.127.dead.test", { A: ["127.0.0.2"] });
  tested.machine.resolver.set("2.0.0.127.clean.test", undefined);
  await tested.advance(30);
  assert.deepEqual((await tested.connect()).pass, ["dead.test"]);
  const untested = await bench("zones=wild.test\nperiodic_checks=1\n[wild.test]\nloopback_is_rejected=true\n", {
    ...list("wild.test", { "1.0.0.127": "127.0.0.2", [CLIENT]: "127.0.0.2" }),
  });
  assert.equal((await untested.connect()).kind, "deny");
});

test("no client is held against a zone that has not passed its test yet", async () => {
  // It lists everybody, and takes its time to say so.
  const zone: ZoneText = { ...list("all.test", { [CLIENT]: "127.0.0.2" }), "1.0.0.127.all.test": "silent" };
  const { connect, advance, log, machine, settle } = await bench("zones=all.test\n", zone);
  assert.deepEqual([(await connect()).kind, (await connect()).err], [undefined, ["no zones"]]);
  await advance(1);
  assert.match(log.text(), /all\.test is silent: not asked/);
  assert.equal((await connect()).kind, undefined);
  await advance(30);
  assert.equal((await connect()).kind, undefined, "while it is tested again");
  machine.resolver.set("1.0.0.127.all.test", undefined);
  await advance(31);
  await advance(31);
  await settle();
  assert.equal((await connect()).kind, "deny");
  assert.equal(log.text().match(/all\.test is silent/g)?.length, 1);
});

test("answers that no list gives, silence and trouble list nobody; the first two put the zone aside", async () => {
  for (
    const [zone, node, aside] of [
      ["expired.test", { A: ["203.0.113.7"] }, /expired\.test answers 203\.0\.113\.7/],
      ["zen.spamhaus.org", { A: ["127.255.255.254"] }, /answers 127\.255\.255\.254/],
      ["list.dnswl.org", { A: ["127.0.0.255"] }, /answers 127\.0\.0\.255/],
      ["slow.test", "timeout", /slow\.test is silent/],
      ["down.test", "servfail", undefined],
    ] as const
  ) {
    const { connect, log } = await bench(`zones=${zone}\n`, { ...list(zone), [`${CLIENT}.${zone}`]: node });
    assert.deepEqual((await connect()).fail, []);
    const again = await connect();
    assert.deepEqual([again.kind, again.err], [undefined, aside === undefined ? [] : ["no zones"]], zone);
    assert.match(log.text(), aside ?? /down\.test cannot be asked: servfail/);
  }
  const silent = await bench("zones=slow.test\n", { ...list("slow.test"), [`${CLIENT}.slow.test`]: "silent" });
  const waiting = silent.connect();
  await silent.settle();
  await silent.machine.clock.advance(25_000);
  assert.deepEqual((await waiting).kind, undefined);
  assert.deepEqual((await silent.connect()).err, ["no zones"]);
});

test("private clients are not looked up, IPv6 only where the zone takes it, without zones that is noted", async () => {
  const zone = list("one.test");
  const { connect } = await bench("zones=one.test\n[one.test]\nipv6=false\n", zone);
  assert.deepEqual((await connect({ ip: "10.0.0.1", isPrivate: true })).skip, ["private: 10.0.0.1"]);
  assert.deepEqual((await connect({ ip: "2606:4700::1" })).skip, ["one.test: ipv6 disabled"]);
  assert.deepEqual((await connect({ ip: "::ffff:198.0.2.9" })).pass, ["one.test"]);
  const v6 = `1.0.0.0${".0".repeat(20)}.0.0.7.4.6.0.6.2`;
  const both = await bench("zones=six.test\n", { ...list("six.test"), [`${v6}.six.test`]: { A: ["127.0.0.2"] } });
  assert.deepEqual((await both.connect({ ip: "2606:4700::1" })).fail, ["six.test"]);
  assert.deepEqual((await (await bench("zones=\n", {})).connect()).err, ["no zones"]);
});

test("[row 265] what an allow list knows is noted as dnswl, and passes HELO and MAIL where its section says so", async () => {
  const zone = list("list.dnswl.org", { [CLIENT]: "127.0.5.1" });
  for (const on of [true, false]) {
    const ini = `zones=list.dnswl.org\n[list.dnswl.org]\nok_helo=${on}\nok_mail=${on}\n`;
    const { connect, run } = await bench(ini, zone);
    const { session } = await connect({ from: "a@b.test" });
    assert.equal(session.notes.get("dnswl"), true);
    for (const hook of ["helo", "ehlo", "mail"] as const) {
      assert.equal((await run(hook, { session, event: { host: "x" } })).verdict?.kind, on ? "ok" : undefined, hook);
    }
    const { session: stranger } = await connect({ ip: "198.0.2.10", from: "a@b.test" });
    assert.equal(stranger.notes.get("dnswl"), undefined);
    assert.equal((await run("mail", { session: stranger })).verdict, undefined);
  }
});

test("whom an allow list knew is forgotten when XCLIENT tells of another client", async () => {
  const zone = list("list.dnswl.org", { [CLIENT]: "127.0.5.1" });
  const { connect, run } = await bench("zones=list.dnswl.org\n[list.dnswl.org]\ntype=allow\nok_mail=true\n", zone);
  const { session } = await connect();
  session.transaction = fakeSession({ from: "joe@any.test" }).transaction;
  assert.equal((await run("mail", { session, from: "joe@any.test" })).verdict?.kind, "ok");
  session.remote.ip = "198.0.2.10";
  await run("connect", { session });
  assert.equal((await run("mail", { session, from: "joe@any.test" })).verdict, undefined);
});

test("[row 265] backscatterer: listed clients send no bounces, and nothing as postmaster", async () => {
  const zone = list("ips.backscatterer.org", { [CLIENT]: "127.0.0.2" });
  const on = await bench("zones=\n[ips.backscatterer.org]\nenable=true\n", zone);
  const off = await bench("zones=\n", zone);
  for (const [from, kind] of [["", "deny"], ["Postmaster@a.test", "deny"], ["joe@a.test", undefined]] as const) {
    const { verdict } = await on.run("mail", { from, ip: "198.0.2.9" });
    assert.equal(verdict?.kind, kind, from);
    if (kind === "deny") assert.match(refusalOf(verdict), /is listed on ips\.backscatterer\.org/);
    assert.equal((await on.run("mail", { from, ip: "198.0.2.8" })).verdict, undefined);
    assert.equal((await off.run("mail", { from, ip: "198.0.2.9" })).verdict, undefined);
  }
  // Nobody else is asked about.
  assert.deepEqual((await on.connect()).err, ["no zones"]);
  // One that lists everybody is not believed, and one that is silent not waited for twice.
  const wild = await bench("zones=\n[ips.backscatterer.org]\nenable=true\n", {
    ...list("ips.backscatterer.org", { [CLIENT]: "127.0.0.2", "1.0.0.127": "127.0.0.2" }),
  });
  assert.equal((await wild.run("mail", { from: "", ip: "198.0.2.9" })).verdict, undefined);
  assert.match(wild.log.text(), /ips\.backscatterer\.org lists 127\.0\.0\.1/);
  on.machine.resolver.set(`${CLIENT}.ips.backscatterer.org`, "silent");
  const waiting = on.run("mail", { from: "", ip: "198.0.2.9" });
  await on.settle();
  await on.machine.clock.advance(25_000);
  assert.equal((await waiting).verdict, undefined);
  assert.equal((await on.run("mail", { from: "", ip: "198.0.2.9" })).verdict, undefined);
});

test("the older lists add zones, and with statistics on each round of tests logs them", async () => {
  const zone = { ...list("old.test", { [CLIENT]: "127.0.0.2" }) };
  const { connect, advance, log } = await bench("zones=\n[stats]\nenable=true\n", zone, {
    "dnsbl.zones": "old.test.\n",
  });
  assert.deepEqual((await connect()).fail, ["old.test"]);
  await connect({ ip: "198.0.2.10" });
  await advance(30);
  assert.match(log.text(), /old\.test: 2 asked, 1 listed, 0 ms/);
});

test("[row 265] with statistics on, Redis counts what each zone said and how long it took; mail does not wait for it", async () => {
  const zone = {
    ...list("one.test", { [CLIENT]: "127.0.0.2" }),
    "10.2.0.198.one.test": "servfail",
    "12.2.0.198.one.test": "silent",
  } as const;
  const ini = "zones=one.test\n[one.test]\nreject=false\n[stats]\nenable=true\nredis_host=192.0.2.77:6380\n";
  const { connect, run, machine, settle } = await bench(ini, zone);
  await run("init_child");
  const [opened] = machine.redis.opened;
  assert.deepEqual([opened?.hostname, opened?.port], ["192.0.2.77", 6380]);
  for (const last of [9, 9, 8, 10]) assert.equal((await connect({ ip: `198.0.2.${last}` })).kind, undefined);
  await settle();
  const key = "dns-list-stat:one.test";
  assert.deepEqual(machine.redis.hash(key), { TOTAL: "4", LISTED: "2", AVG_RT: "0", ENOTFOUND: "1", ESERVFAIL: "1" });
  const waiting = connect({ ip: "198.0.2.12" });
  await settle();
  await machine.clock.advance(25_000);
  await waiting;
  await settle();
  assert.deepEqual([machine.redis.hash(key)["ETIMEOUT"], machine.redis.hash(key)["AVG_RT"]], ["1", "12500"]);

  const again = await bench(ini, zone);
  await again.run("init_child");
  again.machine.redis.down = true;
  assert.deepEqual((await again.connect()).fail, ["one.test"]);
  again.machine.redis.down = false;
  assert.deepEqual(again.machine.redis.hash(key), {});
  again.change("dns-list.ini", "zones=one.test\n[one.test]\nreject=false\n");
  assert.deepEqual((await again.connect()).fail, ["one.test"]);
  assert.deepEqual(again.machine.redis.hash(key), {});
  const off = await bench("zones=one.test\n[stats]\nredis_host=192.0.2.77\n", zone);
  await off.run("init_child");
  assert.deepEqual(off.machine.redis.opened, []);
});
