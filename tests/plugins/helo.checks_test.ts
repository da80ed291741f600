import assert from "node:assert/strict";
import plugin from "../../plugins/helo.checks.ts";
import { type FakeSession, fakeSession, type FakeSessionOptions } from "../kit/fake_session.ts";
import { settled } from "../kit/fake_clock.ts";
import { startPlugin } from "../kit/hook.ts";
import { test } from "../kit/test.ts";

const IP = "208.75.177.98";
const ZONE = {
  "mail.example.com": { A: [IP] },
  "six.example.com": { AAAA: ["2001:db8::1"], A: [IP] },
  "out.example.com": { A: ["208.75.1.1"] },
  "empty.example.com": { TXT: ["x"] },
  "broken.example.com": "servfail",
  "silent.example.com": "silent",
} as const;
const BIGCO = "[bigco]\nbig.example.com=big.example.com, bigmail.example.net\n";
const CHECKS = [
  "match_re",
  "bare_ip",
  "dynamic",
  "big_company",
  "valid_hostname",
  "rdns_match",
  "forward_dns",
  "host_mismatch",
  "proto_mismatch",
];

interface Greeting {
  readonly only: string;
  readonly reject?: boolean;
  readonly rdns?: string;
  readonly ip?: string;
  readonly session?: FakeSessionOptions;
  readonly ini?: string;
}

/** A client with one check switched on (and, for forward_dns, the one it builds upon). */
async function client({ only, reject = false, rdns = "mail.example.com", ip = IP, session: more, ini = "" }: Greeting) {
  const others = CHECKS.filter((check) => check !== only && !(only === "forward_dns" && /valid|rdns/.test(check)));
  const text = `dns_timeout=2\n[check]\n${others.map((check) => `${check}=false`).join("\n")}\n${
    only === "literal_mismatch" ? "" : "literal_mismatch=0\n"
  }${ini}\n[reject]\n${only}=${reject}\n${BIGCO}`;
  const started = await startPlugin(plugin, {
    files: { "helo.checks.ini": text, "helo.checks.regexps": "ylmf-pc\n.*\\.bad\\.example\n(\n" },
    zone: ZONE,
  });
  const session: FakeSession = fakeSession({ ip, ...more });
  session.remote.host = rdns;
  const say = async (host: string, verb: "helo" | "ehlo" = "ehlo") => {
    let over = false;
    const running = started.run(verb, { session, event: { host } }).finally(() => over = true);
    await settled();
    while (!over) await started.machine.clock.advance(1000);
    const { verdict } = await running;
    return verdict === undefined ? "pass" : verdict.kind;
  };
  /** All that was noted of the one check. */
  const found = () => {
    const record = session.results.get(plugin);
    const mine = (list: readonly string[] = [], mark = "") =>
      list.filter((text) => text.startsWith(only === "big_company" ? "big_co" : only)).map((text) => mark + text);
    return [...mine(record?.pass), ...mine(record?.fail, "!"), ...mine(record?.skip, "~"), ...mine(record?.err, "?")]
      .join(" ");
  };
  return { say, found, session, started };
}

/** check, what the client says, what is noted of it; `!` fail, `~` skip. Refused with the reject flag: those that fail but for `-`. */
const SINGLE: readonly [check: string, host: string, found: string, more?: Partial<Greeting>][] = [
  ["match_re", "YLMF-PC", "!match_re"],
  ["match_re", "a.bad.example", "!match_re"],
  ["match_re", "ylmf-pc.example.com", "match_re"],
  ["bare_ip", "192.0.2.1", "!bare_ip(invalid literal)"],
  ["bare_ip", "2001:db8::1", "!bare_ip(invalid literal)"],
  ["bare_ip", "[192.0.2.1]", "bare_ip"],
  ["dynamic", "c-208-75-177-98.example.com", "!dynamic"],
  ["dynamic", "mail.example.com", "dynamic"],
  ["dynamic", "localhost", "~dynamic(no dots)"],
  ["dynamic", `[${IP}]`, "~dynamic(literal)"],
  ["big_company", "Big.example.com", "!big_co"],
  ["big_company", "big.example.com", "!big_co(rDNS)", { rdns: "NXDOMAIN" }],
  ["big_company", "big.example.com", "big_co", { rdns: "mx1.bigmail.example.net" }],
  ["big_company", "big.example.com", "!big_co", { rdns: "notbigmail.example.net" }],
  ["big_company", "small.example.com", "big_co(not)"],
  ["big_company", `[${IP}]`, "~big_co(literal)"],
  ["valid_hostname", "", "!valid_hostname(empty)"],
  ["valid_hostname", "mail", "!valid_hostname(no_dot)"],
  ["valid_hostname", "mäil.example.com", "!valid_hostname(not_ascii)"],
  ["valid_hostname", "mail.nosuchtld", "!valid_hostname"],
  ["valid_hostname", "co.uk", "!valid_hostname"],
  ["valid_hostname", "mail.lan", "~valid_hostname(lan)", { ini: "[skip]\ntlds[]=lan" }],
  ["valid_hostname", "mail.example.com", "valid_hostname"],
  ["valid_hostname", `[${IP}]`, "~valid_hostname(literal)"],
  ["rdns_match", "Mail.example.com", "rdns_match"],
  ["rdns_match", "other.example.com", "rdns_match(org_dom)"],
  ["rdns_match", "mail.example.net", "!rdns_match"],
  ["rdns_match", "mail.example.net", "!rdns_match", { rdns: "DNSERROR" }],
  ["rdns_match", "", "-!rdns_match(empty)"],
  ["rdns_match", `[${IP}]`, "-!rdns_match(literal)"],
  ["forward_dns", "mail.example.com", "forward_dns"],
  ["forward_dns", "six.example.com", "forward_dns", { ip: "2001:db8::1" }],
  ["forward_dns", "out.example.com", "forward_dns(domain)"],
  ["forward_dns", "out.example.com", "!forward_dns(no IP match)", { rdns: "x.example.net" }],
  ["forward_dns", "none.example.com", "!forward_dns(no ips)"],
  ["forward_dns", "empty.example.com", "!forward_dns(no ips)"],
  ["forward_dns", "localhost", "!forward_dns(invalid_hostname)"],
  ["forward_dns", "broken.example.com", "-!forward_dns(SERVFAIL)"],
  ["forward_dns", `[${IP}]`, "~forward_dns(literal)"],
  ["literal_mismatch", `[${IP}]`, "literal_mismatch"],
  ["literal_mismatch", "[208.75.177.1]", "literal_mismatch"],
  ["literal_mismatch", "[208.75.178.98]", "!literal_mismatch"],
  ["literal_mismatch", "mail.example.com", "literal_mismatch"],
  ["literal_mismatch", "[208.75.177.1]", "!literal_mismatch", { ini: "literal_mismatch=1" }],
  ["literal_mismatch", "[10.0.0.1]", "!literal_mismatch"],
  ["literal_mismatch", "[10.0.0.1]", "literal_mismatch(private)", { ini: "literal_mismatch=3" }],
  ["literal_mismatch", "[IPv6:2001:db8::1]", "literal_mismatch", { ip: "2001:db8::1" }],
  ["literal_mismatch", "[IPv6:2001:db8::2]", "!literal_mismatch", { ip: "2001:db8::1" }],
  ["literal_mismatch", "[10.0.0.1]", "", { ini: "literal_mismatch=false" }],
];

test("twelve checks of HELO note what they find, and refuse where their flag says so [row 270]", async () => {
  for (const [only, host, wanted, more] of SINGLE) {
    const noted = wanted.replace(/^-/, "");
    for (const verb of ["helo", "ehlo"] as const) {
      const lenient = await client({ only, ...more });
      assert.equal(await lenient.say(host, verb), "pass", `${only} ${host}`);
      assert.equal(lenient.found(), noted, `${only} ${host}`);
      // init: the first name is kept
      assert.equal(lenient.session.results.get(plugin)?.["helo_host"], host);
    }
    const strict = await client({ only, ...more, reject: true });
    assert.equal(await strict.say(host), wanted.startsWith("!") ? "deny" : "pass", `${only} ${host}, strict`);
    assert.equal(strict.found(), noted);
  }

  // What changes between greetings is looked at each time.
  for (const reject of [false, true]) {
    const host = await client({ only: "host_mismatch", reject });
    assert.equal(await host.say("mail.example.com"), "pass");
    assert.equal(await host.say("MAIL.example.com"), "pass");
    assert.equal(await host.say("other.example.com"), reject ? "deny" : "pass");
    assert.equal(
      host.found(),
      "host_mismatch !host_mismatch(mail.example.com / other.example.com) ~host_mismatch(1st)",
    );
    const verb = await client({ only: "proto_mismatch", reject });
    assert.equal(await verb.say("mail.example.com", "ehlo"), "pass");
    assert.equal(await verb.say("mail.example.com", "ehlo"), "pass");
    assert.equal(await verb.say("mail.example.com", "helo"), reject ? "deny" : "pass");
    assert.equal(await verb.say("mail.example.com", "ehlo"), reject ? "deny" : "pass");
    assert.equal(verb.found(), "!proto_mismatch(smtp) !proto_mismatch(esmtp)");
  }

  // emit_log: the log has the summary.
  const logged = await startPlugin(plugin);
  await logged.run("ehlo", { session: fakeSession({ ip: IP, log: logged.log.log }), event: { host: "localhost" } });
  assert.match(logged.log.text(), /valid_hostname\(no_dot\)/);
});

test("a look-up that takes too long asks the client to come back, and only if forward_dns refuses", async () => {
  const lenient = await client({ only: "forward_dns" });
  assert.equal(await lenient.say("silent.example.com"), "pass");
  assert.equal(lenient.found(), "!forward_dns(TIMEOUT)");
  const strict = await client({ only: "forward_dns", reject: true });
  assert.equal(await strict.say("silent.example.com"), "defer");
});

test("forward_dns says that it needs valid_hostname", async () => {
  const { say, found } = await client({ only: "forward_dns", ini: "valid_hostname=false" });
  await say("mail.example.com");
  assert.equal(found(), "?forward_dns(valid_hostname disabled)");
});

test("private, relaying and whitelisted clients are not checked, unless the settings say so", async () => {
  const CASES: readonly [why: string, options: FakeSessionOptions, setting: string][] = [
    ["relay", { relaying: true }, "relaying"],
    ["private", { isPrivate: true }, "private_ip"],
  ];
  for (const [why, session, setting] of CASES) {
    const skipped = await client({ only: "big_company", reject: true, session });
    assert.equal(await skipped.say("big.example.com"), "pass");
    assert.equal(skipped.found(), `~big_co(${why})`);
    const checked = await client({ only: "big_company", reject: true, session, ini: `[skip]\n${setting}=false` });
    assert.equal(await checked.say("big.example.com"), "deny");
  }
  const listed = await client({ only: "bare_ip", reject: true });
  listed.session.results.add("access", { pass: "x", whitelist: true });
  assert.equal(await listed.say("192.0.2.1"), "pass");
  assert.equal(listed.found(), "~bare_ip(whitelist)");
});

test("a name said again gets the answer it got; another name is checked anew", async () => {
  const { say, found } = await client({ only: "bare_ip", reject: true });
  assert.equal(await say("192.0.2.1"), "deny");
  assert.equal(await say("192.0.2.1"), "deny");
  assert.equal(found(), "!bare_ip(invalid literal)");
  assert.equal(await say("mail.example.com"), "pass");
  assert.equal(await say("192.0.2.1"), "deny");
});

test("a name that is not ASCII is refused as a bad argument", async () => {
  const { started, session } = await client({ only: "valid_hostname", reject: true });
  const { verdict } = await started.run("ehlo", { session, event: { host: "mäil.example.com" } });
  assert.deepEqual(verdict?.kind === "deny" && [verdict.reply.code, verdict.reply.enhanced], [501, "5.5.4"]);
});

test("the client that XCLIENT makes of a session is looked at for itself", async () => {
  const { say, found, session } = await client({ only: "literal_mismatch", reject: true });
  assert.equal(await say(`[${IP}]`), "pass");
  session.remote.ip = "192.0.2.1";
  assert.equal(await say(`[${IP}]`), "deny");
  assert.equal(found(), "literal_mismatch !literal_mismatch");
});
