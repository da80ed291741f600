import assert from "node:assert/strict";
import { SharedTlsMemory } from "../../src/server/tls_memory.ts";
import { FakeClock } from "../kit/fake_clock.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { MemoryRedis } from "../kit/memory_redis.ts";
import { test } from "../kit/test.ts";

const WATCH = { onReady() {}, onTrouble() {} };
const AT = { hostname: "127.0.0.1", port: 6379, timeoutMs: 100 };

test("[row 166] what one server finds broken the other knows by Redis, until it expires", async () => {
  const clock = new FakeClock();
  const redis = new MemoryRedis(clock);
  const link = redis.open(AT, WATCH);
  const [one, other] = [0, 1].map(() => new SharedTlsMemory(clock, memoryLog().log, () => link));
  assert.equal(await other!.has("192.0.2.1"), false);
  one!.add("192.0.2.1", 3_600_000);
  assert.equal(one!.has("192.0.2.1"), true);
  assert.equal(await other!.has("192.0.2.1"), true);
  assert.match(redis.value("no_tls|192.0.2.1")!, /^\d{4}-\d\d-\d\dT/);
  await clock.advance(3_600_000);
  for (const memory of [one, other]) assert.equal(await memory!.has("192.0.2.1"), false);
});

test("without Redis each remembers for itself, and no time at all is none", async () => {
  const clock = new FakeClock();
  const redis = new MemoryRedis(clock);
  const link = redis.open(AT, WATCH);
  redis.down = true;
  const memory = new SharedTlsMemory(clock, memoryLog().log, () => link);
  memory.add("a", 1000);
  memory.add("b", 0);
  assert.deepEqual([memory.has("a"), memory.has("b")], [true, false]);
  redis.down = false;
  assert.equal(await memory.has("b"), false);
});
