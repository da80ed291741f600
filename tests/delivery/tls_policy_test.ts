import assert from "node:assert/strict";
import { DELIVERY_DEFAULTS } from "../../src/delivery/settings.ts";
import type { Target } from "../../src/delivery/target.ts";
import { TlsMemory } from "../../src/delivery/tls_policy.ts";
import { SharedTlsMemory } from "../../src/server/tls_memory.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { MemoryRedis } from "../kit/memory_redis.ts";
import { FakeClock } from "../kit/fake_clock.ts";
import { test } from "../kit/test.ts";

const target = (tls?: "none" | "opportunistic" | "required"): Target => ({
  destination: { host: "192.0.2.1", port: 25, priority: 0, protocol: "smtp", ...(tls && { tls }) },
  address: "192.0.2.1",
  name: "mx.example",
  fromDns: true,
  authentic: true,
});

test("one door decides: forced hosts first, then the destination, then the settings", () => {
  const memory = new TlsMemory(new FakeClock());
  const policy = (tls: Parameters<typeof target>[0], settings = {}) =>
    memory.policy(target(tls), "d.example", { ...DELIVERY_DEFAULTS, ...settings });
  assert.equal(policy(undefined), "opportunistic");
  assert.equal(policy(undefined, { enableTls: false }), "none");
  assert.equal(policy("opportunistic", { enableTls: false }), "opportunistic");
  assert.equal(policy("none"), "none");
  assert.equal(policy("required"), "required");
  // [outbound] rejectUnauthorized: all but those that are to have no TLS.
  assert.equal(policy(undefined, { verifyAlways: true }), "required");
  assert.equal(policy(undefined, { verifyAlways: true, noTlsHosts: ["mx.example"] }), "none");
  for (const forced of ["mx.example", "d.example", "192.0.2.0/24"]) {
    assert.equal(policy(undefined, { forceTlsHosts: [forced] }), "required");
    assert.equal(policy("none", { forceTlsHosts: [forced], noTlsHosts: [forced] }), "required");
    assert.equal(policy(undefined, { forceTlsHosts: [forced], enableTls: false }), "impossible");
    assert.equal(policy(undefined, { noTlsHosts: [forced] }), "none");
  }
});

test("broken TLS is remembered for its time, never where TLS is required, and only if wanted", async () => {
  const clock = new FakeClock();
  const memory = new TlsMemory(clock);
  const settings = { ...DELIVERY_DEFAULTS, brokenTlsMs: 1000 };
  memory.markBroken(target(), { ...settings, rememberBrokenTls: false });
  assert.equal(memory.policy(target(), "d", settings), "opportunistic");
  memory.markBroken(target(), settings);
  assert.equal(memory.policy(target(), "d", settings), "none");
  assert.equal(memory.policy(target("required"), "d", settings), "required");
  assert.equal(memory.policy({ ...target(), address: "192.0.2.2" }, "d", settings), "opportunistic");
  await clock.advance(1000);
  assert.equal(memory.policy(target(), "d", settings), "opportunistic");
});

test("hosts with broken TLS are remembered in a bounded memory, the oldest forgotten first", () => {
  const memory = new TlsMemory(new FakeClock());
  const at = (n: number) => ({ ...target(), address: `10.${n >> 16}.${n >> 8 & 255}.${n & 255}` });
  for (let n = 0; n <= 10_000; n++) memory.markBroken(at(n), DELIVERY_DEFAULTS);
  assert.equal(memory.policy(at(0), "d", DELIVERY_DEFAULTS), "opportunistic");
  for (const n of [1, 5000, 10_000]) assert.equal(memory.policy(at(n), "d", DELIVERY_DEFAULTS), "none");
});

test("[row 166] a memory kept elsewhere is asked and told, and what it says holds until it forgets", async () => {
  const clock = new FakeClock();
  const redis = new MemoryRedis(clock);
  const link = redis.open({ hostname: "127.0.0.1", port: 6379, timeoutMs: 100 }, { onReady() {}, onTrouble() {} });
  const [one, other] = [0, 1].map(() => new TlsMemory(clock, new SharedTlsMemory(clock, memoryLog().log, () => link)));
  const settings = { ...DELIVERY_DEFAULTS, brokenTlsMs: 60_000 };
  assert.equal(await other!.policy(target(), "d", settings), "opportunistic");
  one!.markBroken(target(), settings);
  assert.equal(redis.keys().length, 1);
  assert.equal(await other!.policy(target(), "d", settings), "none");
  assert.equal(await other!.policy(target("required"), "d", settings), "required");
  assert.equal(await other!.policy(target(), "d", { ...settings, rememberBrokenTls: false }), "opportunistic");
  await clock.advance(60_000);
  assert.equal(await other!.policy(target(), "d", settings), "opportunistic");
});
