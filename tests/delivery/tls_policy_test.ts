import assert from "node:assert/strict";
import { DELIVERY_DEFAULTS } from "../../src/delivery/settings.ts";
import type { Target } from "../../src/delivery/target.ts";
import { inTermsOf, type TlsAnswer, TlsDoor, type TlsQuestion, type TlsSource } from "../../src/delivery/tls_policy.ts";
import { parseAddress } from "../../src/mail/address.ts";
import { SharedTlsMemory } from "../../src/server/tls_memory.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { MemoryRedis } from "../kit/memory_redis.ts";
import { FakeClock } from "../kit/fake_clock.ts";
import { test } from "../kit/test.ts";

type Tls = "none" | "opportunistic" | "required";
const target = (tls?: Tls): Target => ({
  destination: { host: "192.0.2.1", port: 25, priority: 0, protocol: "smtp", ...(tls && { tls }) },
  address: "192.0.2.1",
  name: "mx.example",
  fromDns: true,
  authentic: true,
});
const envelope = { sender: parseAddress("<me@us.example>")!, wanted: undefined, notes: {} };
const question = (more: Partial<TlsQuestion> = {}): TlsQuestion => ({
  target: target(),
  domain: "d.example",
  envelope,
  settings: DELIVERY_DEFAULTS,
  ...more,
});
const worded = (answer: TlsAnswer) => "tls" in answer ? answer.tls : answer.refused.kind;

test("one door decides: whoever demands TLS has it, and else the closer word counts", async () => {
  const door = new TlsDoor(new FakeClock());
  const policy = async (tls: Tls | undefined, settings = {}, more: Partial<TlsQuestion> = {}) =>
    worded(
      await door.ask(question({ target: target(tls), settings: { ...DELIVERY_DEFAULTS, ...settings }, ...more })),
    );
  assert.equal(await policy(undefined), "opportunistic");
  assert.equal(await policy(undefined, { enableTls: false }), "none");
  assert.equal(await policy("opportunistic", { enableTls: false }), "opportunistic");
  assert.equal(await policy("none"), "none");
  assert.equal(await policy("required"), "required");
  // [outbound] rejectUnauthorized: all but those that are to have no TLS.
  assert.equal(await policy(undefined, { verifyAlways: true }), "required");
  assert.equal(await policy(undefined, { verifyAlways: true, noTlsHosts: ["mx.example"] }), "none");
  for (const forced of ["mx.example", "d.example", "192.0.2.0/24"]) {
    assert.equal(await policy(undefined, { forceTlsHosts: [forced] }), "required");
    assert.equal(await policy("none", { forceTlsHosts: [forced], noTlsHosts: [forced] }), "required");
    assert.equal(await policy(undefined, { forceTlsHosts: [forced], enableTls: false }), "tls-missing");
    assert.equal(await policy(undefined, { noTlsHosts: [forced] }), "none");
  }
  // The site's word is below the next hop's, but where it demands.
  for (const level of ["none", "opportunistic", "required"] as const) {
    assert.equal(await policy(undefined, {}, { site: { tls: level } }), level);
  }
  assert.equal(await policy("none", {}, { site: { tls: "opportunistic" } }), "none");
  assert.equal(await policy("opportunistic", {}, { site: { tls: "none" } }), "opportunistic");
  assert.equal(await policy("none", {}, { site: { tls: "required" } }), "required");
  assert.equal(await policy(undefined, { enableTls: false }, { site: { tls: "opportunistic" } }), "opportunistic");
  assert.equal(await policy(undefined, { noTlsHosts: ["d.example"] }, { site: { tls: "required" } }), "required");
  // Haraka's force_tls of one mail.
  const forced = { ...envelope, notes: { force_tls: true } };
  assert.equal(await policy("none", {}, { envelope: forced }), "required");
  assert.equal(await policy("none", {}, { envelope: { ...envelope, notes: { force_tls: "no" } } }), "none");
});

test("REQUIRETLS wants a sure name besides, but for reports; no TLS is then a word on the message", async () => {
  const door = new TlsDoor(new FakeClock());
  const secret = { ...envelope, wanted: { requireTls: true } as const };
  const report = { ...secret, sender: parseAddress("<>")! };
  const unsure = { ...target(), authentic: false };
  assert.equal(worded(await door.ask(question({ envelope: secret }))), "required");
  assert.equal(worded(await door.ask(question({ envelope: secret, target: unsure }))), "unprotected");
  assert.equal(worded(await door.ask(question({ envelope: report, target: unsure }))), "opportunistic");
  assert.equal(worded(await door.ask(question({ envelope: secret, target: target("none") }))), "required");
  const missing = { stage: "starttls", finding: { kind: "tls-missing" } } as const;
  assert.equal(inTermsOf(secret, missing, "mx").finding.kind, "unprotected");
  assert.equal(inTermsOf(report, missing, "mx"), missing);
  assert.equal(inTermsOf(envelope, missing, "mx"), missing);
});

test("published policies may be asked besides, and the strictest of all counts", async () => {
  const asked: string[] = [];
  const says = (demand: ReturnType<TlsSource>): TlsSource => ({ domain }) => {
    asked.push(domain);
    return demand;
  };
  const policy = async (sources: TlsSource[], more: Partial<TlsQuestion> = {}) =>
    worded(await new TlsDoor(new FakeClock(), undefined, sources).ask(question(more)));
  assert.equal(await policy([says(undefined), says(Promise.resolve(undefined))]), "opportunistic");
  assert.equal(await policy([says(undefined), says(Promise.resolve("required"))]), "required");
  const unsure = { target: { ...target(), authentic: false } };
  assert.equal(await policy([says("secured"), says("required")], unsure), "unprotected");
  assert.equal(await policy([says("required")], { target: target("none") }), "required");
  assert.equal(asked.length, 7);
});

test("broken TLS is remembered for its time, never where TLS is required, and only if wanted", async () => {
  const clock = new FakeClock();
  const door = new TlsDoor(clock);
  const settings = { ...DELIVERY_DEFAULTS, brokenTlsMs: 1000 };
  const policy = async (of: Target) => worded(await door.ask(question({ target: of, settings })));
  door.markBroken(target(), { ...settings, rememberBrokenTls: false });
  assert.equal(await policy(target()), "opportunistic");
  door.markBroken(target(), settings);
  assert.equal(await policy(target()), "none");
  assert.equal(await policy(target("required")), "required");
  assert.equal(await policy({ ...target(), address: "192.0.2.2" }), "opportunistic");
  await clock.advance(1000);
  assert.equal(await policy(target()), "opportunistic");
});

test("hosts with broken TLS are remembered in a bounded memory, the oldest forgotten first", async () => {
  const door = new TlsDoor(new FakeClock());
  const at = (n: number) => ({ ...target(), address: `10.${n >> 16}.${n >> 8 & 255}.${n & 255}` });
  for (let n = 0; n <= 10_000; n++) door.markBroken(at(n), DELIVERY_DEFAULTS);
  const policy = async (n: number) => worded(await door.ask(question({ target: at(n) })));
  assert.equal(await policy(0), "opportunistic");
  for (const n of [1, 5000, 10_000]) assert.equal(await policy(n), "none");
});

test("[row 166] a memory kept elsewhere is asked and told, and what it says holds until it forgets", async () => {
  const clock = new FakeClock();
  const redis = new MemoryRedis(clock);
  const link = redis.open({ hostname: "127.0.0.1", port: 6379, timeoutMs: 100 }, { onReady() {}, onTrouble() {} });
  const [one, other] = [0, 1].map(() => new TlsDoor(clock, new SharedTlsMemory(clock, memoryLog().log, () => link)));
  const settings = { ...DELIVERY_DEFAULTS, brokenTlsMs: 60_000 };
  const policy = async (of: Target, more = {}) =>
    worded(await other!.ask(question({ target: of, settings: { ...settings, ...more } })));
  assert.equal(await policy(target()), "opportunistic");
  one!.markBroken(target(), settings);
  assert.equal(redis.keys().length, 1);
  assert.equal(await policy(target()), "none");
  assert.equal(await policy(target("required")), "required");
  assert.equal(await policy(target(), { rememberBrokenTls: false }), "opportunistic");
  await clock.advance(60_000);
  assert.equal(await policy(target()), "opportunistic");
});
