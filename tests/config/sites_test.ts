import assert from "node:assert/strict";
import { ConfigError } from "../../src/base/config_error.ts";
import { checkSite } from "../../src/config/check.ts";
import { loadCoreSettings } from "../../src/config/core_settings.ts";
import { DEFAULT_POLICY } from "../../src/config/sites.ts";
import { test } from "../kit/test.ts";
import { site } from "./kit.ts";

async function load(text: string) {
  const { config } = site({ "site/outbound.sites.ini": text }, { watch: false });
  const core = await loadCoreSettings(config);
  core.close();
  return core.sites.value;
}
const faultOf = async (text: string) => {
  const reason = await load(text).catch((reason) => reason);
  assert.ok(reason instanceof ConfigError, `${text}: no fault`);
  return reason.message;
};

test("an empty file is Haraka's way: twenty connections for each domain, no rate, outbound.ini's schedule", async () => {
  const { defaults, sections } = await load("");
  const { backoff, ...rest } = defaults;
  const { backoff: known, ...expected } = DEFAULT_POLICY;
  assert.deepEqual(rest, expected);
  assert.deepEqual(backoff.map(({ name }) => name), known.map(({ name }) => name));
  assert.deepEqual(sections, []);
});

test("a section says what differs from [main], and can take back what [main] says", async () => {
  const { defaults, sections } = await load(`
rate=100/1m
expire=5d
retry=1m, 5m*2
tls=required
sources=a*3, b
backoff=wall

[example.com]
connections=5
rate=none
expire=none
retry=default
tls=default
sources=none
backoff=none

[MX:*.Example.NET]
messages_per_connection=10
retry=none
breaker=0
breaker_rest=10s
breaker_rest_max=1d

[source a]
address=192.0.2.1, 2001:db8::1
helo=mail1.example.com

[source b]
address=192.0.2.2

[backoff wall]
when[]=too many
when[]=/^5\\d\\d .*blocked$/i
do=rest
for=2h
`);
  const { backoff: [rule], ...main } = defaults;
  assert.deepEqual(main, {
    connections: 20,
    messagesPerConnection: 1000,
    rate: { count: 100, perMs: 60_000 },
    retryMs: [60_000, 300_000, 300_000],
    expireMs: 432_000_000,
    tls: "required",
    sources: [
      { name: "a", v4: "192.0.2.1", v6: "2001:db8::1", helo: "mail1.example.com", weight: 3 },
      { name: "b", v4: "192.0.2.2", weight: 1 },
    ],
    breaker: 5,
    breakerRestMs: 60_000,
    breakerRestMaxMs: 3_600_000,
  });
  assert.deepEqual([rule!.name, rule!.action, rule!.forMs, rule!.maxMs], ["wall", "rest", 7_200_000, 7_200_000]);
  assert.deepEqual(
    ["421 Too Many mails", "550 5.7.1 You are BLOCKED", "250 blocked"].map(rule!.matches),
    [true, true, false],
  );
  const [own, mx] = sections;
  assert.deepEqual([own!.name, own!.kind, own!.pattern], ["example.com", "domain", "example.com"]);
  assert.deepEqual(own!.policy, {
    connections: 5,
    messagesPerConnection: 1000,
    sources: [],
    breaker: 5,
    breakerRestMs: 60_000,
    breakerRestMaxMs: 3_600_000,
    backoff: [],
  });
  assert.deepEqual([mx!.name, mx!.kind, mx!.pattern], ["mx:*.example.net", "mx", "*.example.net"]);
  assert.deepEqual([mx!.policy.retryMs, mx!.policy.breaker, mx!.policy.messagesPerConnection], [[], 0, 10]);
  assert.deepEqual([mx!.policy.breakerRestMs, mx!.policy.breakerRestMaxMs], [10_000, 86_400_000]);
});

test("what the built-in back-offs match", async () => {
  const { defaults } = await load("");
  const first = (reply: string) => defaults.backoff.find(({ matches }) => matches(reply))?.name;
  assert.deepEqual(
    [
      "421 4.3.2 closing",
      "421 Try later",
      "450 4.7.1 Rate limited",
      "451 4.7.1 Greylisted, come back",
      "450 4.2.1 Grey-listing",
      "451 4.3.0 local error",
      "550 5.7.1 no",
    ].map(first),
    ["slow", "slow", "slow", "greylisting", "greylisting", undefined, undefined],
  );
});

test("what cannot be understood stops the start with file and line", async () => {
  const where = "/site/outbound.sites.ini";
  const cases: readonly (readonly [string, RegExp])[] = [
    ["rate=250", /sites\.ini:1: \[main\] rate: current value is "250"; wanted: a number in a time/],
    ["\n[a.example]\nrate=x/1h", /sites\.ini:3: \[a\.example\] rate/],
    ["expire=5", /sites\.ini:1: \[main\] expire.*wanted: a time such as/],
    ["[a.example]\nretry=1s", /sites\.ini:2: \[a\.example\] retry.*each at least 5s/],
    ["breaker_rest=soon", /breaker_rest: current value is "soon"/],
    ["tls=maybe", /sites\.ini:1: \[main\] tls: current value is "maybe"; wanted: one of default, none/],
    ["connections=0", /connections: current value is "0"; wanted: an integer, 1 or more/],
    ["[a.example]\nsources=alpha\n[source alpah]\naddress=192.0.2.1", /:2: .*\[source …\].*did you mean "alpah"/],
    ["backoff=slwo", /\[backoff …\] section \(did you mean "slow"\?\)/],
    ["[source a]\naddress=mail.example", /:2: \[source a\] address: current value is "mail\.example"; wanted: an IPv4/],
    ["[source a]\nhelo=x.example", /\[source a\] address: wanted: an IPv4/],
    ["[source a]\naddress=192.0.2.1, 192.0.2.2", /one of each/],
    ["[backoff b]\ndo=rest", /\[backoff b\] when: current value is ""; wanted: a part of a reply/],
    ["[backoff b]\nwhen=/(/", /:2: \[backoff b\] when.*a regular expression/],
    ["[backoff b]\nwhen=x\nfor=1", /:3: \[backoff b\] for/],
    ["\n[not a domain]\nconnections=1", /sites\.ini:2: \[not a domain\]: wanted: a section \[main\], \[a domain\]/],
    ["[mx:]\nconnections=1", /sites\.ini:1: \[mx:\]: wanted/],
    ["[source]\naddress=192.0.2.1\n[a b]\nrate=1/s", /:3: \[a b\]/],
  ];
  for (const [text, expected] of cases) {
    const message = await faultOf(text);
    assert.match(message, expected);
    if (/ini:\d/.test(message)) assert.ok(message.includes(`${where.slice(6)}:`), message);
  }
});

test("kasi check names an unknown key, with its place and the nearest known one", async () => {
  const { config } = site({ "site/outbound.sites.ini": "[main]\n[a.example]\nconections=5\n" }, { watch: false });
  const [fault, ...more] = await checkSite(config, []);
  assert.deepEqual(more, []);
  assert.deepEqual([fault!.line, fault!.setting, fault!.nearest], [3, "[a.example] conections", "connections"]);
});

test("a change counts at once; one that cannot be understood is told, and the last good table stays", async () => {
  const { config, write, faults } = site({ "site/outbound.sites.ini": "connections=7" }, { watch: false });
  const core = await loadCoreSettings(config);
  write("site/outbound.sites.ini", "connections=8");
  config.reload();
  assert.equal(core.sites.value.defaults.connections, 8);
  write("site/outbound.sites.ini", "connections=9\nrate=fast");
  config.reload();
  assert.equal(core.sites.value.defaults.connections, 8);
  assert.deepEqual(faults.map(({ setting }) => setting), ["[main] rate"]);
  core.close();
});
