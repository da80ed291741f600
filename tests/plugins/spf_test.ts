import assert from "node:assert/strict";
import spf from "../../plugins/spf.ts";
import type { FakeSession } from "../kit/fake_session.ts";
import { fakeSession } from "../kit/fake_session.ts";
import { startPlugin } from "../kit/hook.ts";
import { test } from "../kit/test.ts";
import type { ZoneText } from "../kit/zone.ts";

const ZONE: ZoneText = {
  "good.test": { TXT: ["v=spf1 ip4:192.0.2.0/24 -all"] },
  "bad.test": { TXT: ["v=spf1 -all"] },
  "soft.test": { TXT: ["v=spf1 ~all"] },
  "wrong.test": { TXT: ["v=spf1 sesame"] },
  "broken.test": "servfail",
  "silent.test": "silent",
  "own.test": { TXT: ["v=spf1 ip4:203.0.113.7 -all"] },
  "client.test": { TXT: ["v=spf1 ip4:192.0.2.9 -all"] },
};
const start = (ini = "", zone = ZONE) => startPlugin(spf, { files: { "spf.ini": ini }, zone });
type Options = NonNullable<Parameters<typeof fakeSession>[0]>;
async function mail(ini: string, from: string, options: Options = {}) {
  const plugin = await start(ini);
  const session = fakeSession({ from, to: ["rcpt@kasi.test"], ...options });
  return await plugin.run("mail", { session, from });
}

test("a sender that may: noted, a result for Authentication-Results, Received-SPF on top", async () => {
  const plugin = await start();
  const session = fakeSession({ from: "joe@good.test" });
  const { verdict, results } = await plugin.run("mail", { session, from: "joe@good.test" });
  assert.equal(verdict, undefined);
  assert.deepEqual([results!.scope, results!.result, results!.domain], ["mfrom", "Pass", "good.test"]);
  assert.deepEqual(session.results.get("spf")!.pass, ["good.test"]);
  const { notes } = session.transaction!;
  assert.equal(notes.get("spf_mail_result"), "Pass");
  assert.equal(notes.get("spf_mail_record"), "v=spf1 ip4:192.0.2.0/24 -all");
  assert.deepEqual(notes.get("authentication_results"), ["spf=pass smtp.mailfrom=good.test"]);

  const added: [string, string][] = [];
  const message = { header: { addLeading: (name: string, value: string) => void added.push([name, value]) } };
  await plugin.run("data_post", { session, event: { message } });
  assert.deepEqual(added, [[
    "Received-SPF",
    "Pass\r\n\t(domain of good.test designates 192.0.2.9 as permitted sender)\r\n\t" +
    'receiver=mx.kasi.test; identity=mailfrom; client-ip=192.0.2.9;\r\n\thelo=client.test; envelope-from="joe@good.test"',
  ]]);
});

test("nothing is refused unless spf.ini says so", async () => {
  for (const from of ["joe@bad.test", "joe@soft.test", "joe@wrong.test", "joe@broken.test", "joe@nowhere.test"]) {
    assert.equal((await mail("", from)).verdict, undefined, from);
  }
});

test("each flag refuses its result, with the code of RFC 7372, and no other", async () => {
  const cases: [flag: string, from: string, kind: string, enhanced: string][] = [
    ["[deny]\nmfrom_fail=true", "joe@bad.test", "deny", "5.7.23"],
    ["[deny]\nmfrom_softfail=true", "joe@soft.test", "deny", "5.7.23"],
    ["[deny]\ndeny.mfrom_fail=true", "joe@bad.test", "deny", "5.7.23"],
    ["[deny]\nmfrom_permerror=true", "joe@wrong.test", "deny", "5.7.23"],
    ["[deny]\nmfrom_none=true", "joe@nowhere.test", "deny", "5.7.1"],
    ["[defer]\nmfrom_temperror=true", "joe@broken.test", "defer", "4.7.24"],
  ];
  for (const [flag, from, kind, enhanced] of cases) {
    const { verdict } = await mail(flag, from);
    assert.deepEqual(
      [verdict?.kind, (verdict as { reply?: { enhanced?: string } }).reply?.enhanced],
      [kind, enhanced],
      flag,
    );
    assert.equal((await mail(flag, "joe@good.test")).verdict, undefined);
    for (const [, other] of cases) if (other !== from) assert.equal((await mail(flag, other)).verdict, undefined, flag);
  }
});

test("clients that may relay have flags of their own, and may be passed over", async () => {
  const relaying = { relaying: true };
  assert.equal((await mail("[deny]\nmfrom_fail=true", "joe@bad.test", relaying)).verdict, undefined);
  assert.equal((await mail("[deny_relay]\nmfrom_fail=true", "joe@bad.test", relaying)).verdict?.kind, "deny");
  const skipped = await mail("[skip]\nrelaying=true\n[deny_relay]\nmfrom_fail=true", "joe@bad.test", relaying);
  assert.deepEqual([skipped.verdict, skipped.results!.skip], [undefined, ["host(relay)"]]);
  const known = await mail("[skip]\nauth=true", "joe@bad.test", { user: "joe" });
  assert.deepEqual(known.results!.skip, ["host(auth)"]);
  const inside = await mail("", "joe@bad.test", { isPrivate: true, relaying: true });
  assert.deepEqual(inside.results!.skip, ["host(private_ip)"]);
});

test("context=myself asks whether we may send, as the next server will", async () => {
  const plugin = await startPlugin(spf, {
    files: { "spf.ini": "[relay]\ncontext=myself\n", "smtp.ini": "public_ip=203.0.113.7\n" },
    zone: ZONE,
  });
  for (const [from, result] of [["joe@own.test", "Pass"], ["joe@bad.test", "Fail"]] as const) {
    const session = fakeSession({ from, relaying: true, isPrivate: true });
    assert.equal((await plugin.run("mail", { session, from })).results!.result, result);
  }
});

test("the greeting's name is asked about once, and decides for null senders", async () => {
  const plugin = await start("[deny]\nhelo_fail=true\n");
  const greet = (session: FakeSession, host: string) => {
    session.hello = { verb: "EHLO", host };
    return plugin.run("ehlo", { session, event: { host } });
  };
  const session = fakeSession({ from: "" });
  await greet(session, "client.test");
  await greet(session, "client.test");
  assert.equal(plugin.machine.resolver.count("client.test", "TXT"), 1);
  const { results } = session;
  assert.deepEqual([results.get("spf")!.scope, results.get("spf")!.result], ["helo", "Pass"]);
  assert.equal(session.notes.get("spf_helo"), "Pass");
  assert.equal((await plugin.run("mail", { session, from: "" })).verdict, undefined);
  assert.deepEqual(session.transaction!.notes.get("authentication_results"), ["spf=pass smtp.helo=client.test"]);

  const other = fakeSession({ from: "" });
  await greet(other, "bad.test");
  assert.equal((await plugin.run("mail", { session: other, from: "" })).verdict?.kind, "deny");
});

test("what one greeting found is not the next one's, nor another client's that XCLIENT tells of", async () => {
  const plugin = await start("[main]\nlookup_timeout=5\ndns_timeout=20\n");
  const session = fakeSession({ from: "" });
  const greet = (host: string) => {
    session.hello = { verb: "EHLO", host };
    return plugin.run("ehlo", { session, event: { host } });
  };
  await greet("client.test");
  assert.equal(session.notes.get("spf_helo"), "Pass");
  const late = greet("silent.test");
  await plugin.machine.clock.advance(6_000);
  await late;
  assert.equal(session.notes.get("spf_helo"), undefined, "nobody knows of silent.test");
  await greet("client.test");
  assert.equal(session.notes.get("spf_helo"), "Pass");
  await greet("[192.0.2.9]");
  assert.equal(session.notes.get("spf_helo"), undefined);
  await greet("client.test");
  session.remote.ip = "203.0.113.99";
  await greet("client.test");
  assert.equal(session.notes.get("spf_helo"), "Fail");
  // XCLIENT alone, without another greeting: nobody knows.
  session.remote.ip = "203.0.113.98";
  const { verdict } = await plugin.run("mail", { session, from: "" });
  assert.deepEqual([verdict, session.notes.get("spf_helo")], [undefined, undefined]);
  assert.deepEqual(session.transaction!.notes.get("authentication_results"), undefined);
});

test("address literals and private clients are not asked about at HELO", async () => {
  const plugin = await start();
  for (
    const [options, host, skip] of [
      [{}, "[192.0.2.9]", "helo(ip_literal)"],
      [{ isPrivate: true }, "client.test", "helo(private_ip)"],
    ] as const
  ) {
    const session = fakeSession(options);
    await plugin.run("helo", { session, event: { host } });
    assert.deepEqual(session.results.get("spf")!.skip, [skip]);
  }
});

test("a check that takes too long refuses nothing", async () => {
  const plugin = await start("[main]\nlookup_timeout=5\ndns_timeout=20\n[defer]\nmfrom_temperror=true\n");
  const session = fakeSession({ from: "joe@silent.test" });
  const asked = plugin.run("mail", { session, from: "joe@silent.test" });
  await plugin.machine.clock.advance(5_000);
  const { verdict, results } = await asked;
  assert.deepEqual([verdict, results!.err], [undefined, ["host(timeout)"]]);
});

test("a look-up that takes too long is a temporary error", async () => {
  const plugin = await start("[main]\nlookup_timeout=20\ndns_timeout=5\n[defer]\nmfrom_temperror=true\n");
  const session = fakeSession({ from: "joe@silent.test" });
  const asked = plugin.run("mail", { session, from: "joe@silent.test" });
  while (plugin.machine.resolver.calls.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  await plugin.machine.clock.advance(5_000);
  const { verdict, results } = await asked;
  assert.deepEqual([verdict?.kind, results!.result], ["defer", "TempError"]);
});

test("SPF at HELO and MAIL, relay context, flags, Received-SPF: one session through all of it [row 271]", async () => {
  const ini = "[relay]\ncontext=myself\n[deny]\nhelo_fail=true\nmfrom_fail=true\n[defer]\nmfrom_temperror=true\n" +
    "[deny_relay]\nmfrom_fail=true\n";
  const plugin = await startPlugin(spf, {
    files: { "spf.ini": ini, "smtp.ini": "public_ip=203.0.113.7\n" },
    zone: ZONE,
  });
  const talk = async (options: Options, helo: string, from: string) => {
    const session = fakeSession({ from, ...options });
    session.hello = { verb: "EHLO", host: helo };
    await plugin.run("ehlo", { session, event: { host: helo } });
    const { verdict } = await plugin.run("mail", { session, from });
    const fields: string[] = [];
    const message = { header: { addLeading: (name: string, value: string) => void fields.push(`${name}: ${value}`) } };
    await plugin.run("data_post", { session, event: { message } });
    return [verdict?.kind, fields[0]?.replace(/\r\n\t/g, " ")];
  };
  const stranger = {};
  const [, passed] = await talk(stranger, "client.test", "joe@good.test");
  assert.match(passed!, /^Received-SPF: Pass \(.*designates 192\.0\.2\.9 .*identity=mailfrom/);
  assert.equal((await talk(stranger, "client.test", "joe@bad.test"))[0], "deny");
  assert.equal((await talk(stranger, "client.test", "joe@broken.test"))[0], "defer");
  assert.equal((await talk(stranger, "client.test", "joe@soft.test"))[0], undefined);
  const [verdict, bounce] = await talk(stranger, "client.test", "");
  assert.equal(verdict, undefined);
  assert.match(bounce!, /^Received-SPF: Pass .*identity=helo; .*envelope-from=<>$/);
  assert.equal((await talk(stranger, "bad.test", ""))[0], "deny");
  const user = { relaying: true, isPrivate: true };
  const [sent, own] = await talk(user, "client.test", "joe@own.test");
  assert.equal(sent, undefined);
  assert.match(own!, /designates 203\.0\.113\.7 as permitted/);
  assert.equal((await talk(user, "client.test", "joe@bad.test"))[0], "deny");
});
