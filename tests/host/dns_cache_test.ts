import assert from "node:assert/strict";
import { DnsCache } from "../../src/host/dns_cache.ts";
import type { DnsAnswer } from "../../src/host/types.ts";
import { FakeClock } from "../kit/fake_clock.ts";
import { test } from "../kit/test.ts";

const answer = (ttl: number): DnsAnswer<"A"> => ({ kind: "records", records: ["192.0.2.1"], ttl, authentic: false });

test("an answer is kept for its time, failures and TTL 0 never", async () => {
  const clock = new FakeClock();
  const cache = new DnsCache(clock);
  cache.put("a.test", "A", answer(10));
  cache.put("zero.test", "A", answer(0));
  cache.put("fail.test", "A", { kind: "failed", reason: "servfail", detail: "" });
  await clock.advance(9_000);
  assert.deepEqual(cache.get("a.test", "A"), answer(1));
  assert.equal(cache.get("a.test", "AAAA"), undefined);
  await clock.advance(1_000);
  assert.equal(cache.get("a.test", "A"), undefined);
  assert.equal(cache.size, 0);
});

test("the least lately used goes when there is no room", () => {
  const cache = new DnsCache(new FakeClock(), 2);
  cache.put("a.test", "A", answer(10));
  cache.put("b.test", "A", answer(10));
  cache.get("a.test", "A");
  cache.put("c.test", "A", answer(10));
  assert.equal(cache.get("b.test", "A"), undefined);
  assert.ok(cache.get("a.test", "A"));
  assert.equal(cache.size, 2);
});
