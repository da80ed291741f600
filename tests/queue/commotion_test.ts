/**
 * An operator who flushes, holds, releases, removes and changes the settings all the time, while deliveries of every length and outcome
 * run: no item is tried twice at once, no slot is lost, and everything is delivered once.
 */
import assert from "node:assert/strict";
import { sleep } from "../../src/base/clock.ts";
import { seeded } from "../kit/crash_disk.ts";
import { test } from "../kit/test.ts";
import { bench, MINUTE } from "./queue_kit.ts";
import { sitesOf } from "./sites/kit.ts";

for (const seed of [1, 2, 3, 4, 5, 6]) {
  test(`commotion ${seed}: each recipient gets one copy, no item is tried twice at one time, every slot comes back`, async () => {
    const random = seeded(seed);
    const pick = (most: number) => Math.floor(random() * most);
    const running = new Set<string>();
    const wanted = new Set<string>();
    const removed = new Set<string>();
    let limit = 5;
    let calm = false;
    const b = await bench({
      settings: {
        concurrencyMax: 5,
        sites: sitesOf({ connections: 2 }),
        memoryBudget: 5000,
        intervals: Array(500).fill(MINUTE),
      },
      options: { segmentBytes: 8192 },
    });
    const deliver = b.courier.deliver.bind(b.courier);
    b.courier.deliver = async (item, message, ...rest) => {
      assert.equal(running.has(item.id), false, `${item.id} twice at one time`);
      running.add(item.id);
      assert.ok(running.size <= limit, `${running.size} of ${limit} run`);
      try {
        if (random() < 0.7) await sleep(b.clock, pick(3 * MINUTE));
        if (!calm && random() < 0.2) throw new Error("a courier's bug");
        return await deliver(item, message, ...rest);
      } finally {
        running.delete(item.id);
      }
    };
    b.courier.verdicts = () => calm || random() < 0.5 ? "delivered" : "deferred";
    for (let n = 0; n < 150; n++) {
      const dice = random();
      const items = b.queue.list();
      const item = items[pick(items.length)];
      if (dice < 0.4) {
        const names = Array.from({ length: 1 + pick(3) }, (_, i) => `m${n}-${i}@${"abcd"[pick(4)]}.example`);
        for (const name of names) wanted.add(name);
        await b.accept(`M${n}`, names, undefined, "y".repeat(pick(800)));
      } else if (dice < 0.5) b.queue.flush(random() < 0.5 ? "a.example" : undefined);
      else if (dice < 0.6 && item) await b.queue.hold(item.id);
      else if (dice < 0.7 && item) await b.queue.release(item.id);
      else if (dice < 0.75 && item) {
        for (const name of item.recipients) removed.add(name);
        await b.queue.remove(item.id);
      } else if (dice < 0.8) {
        const concurrencyMax = 1 + pick(6);
        limit = Math.max(limit, concurrencyMax);
        b.set({ concurrencyMax, sites: sitesOf({ connections: 1 + pick(3) }), disabled: random() < 0.3 });
      } else await b.clock.advance(pick(2 * MINUTE));
    }
    calm = true;
    b.set({ disabled: false, concurrencyMax: 4, sites: sitesOf({ connections: 2 }) });
    for (const { id } of b.queue.list({ state: "held" })) await b.queue.release(id);
    for (let n = 0; n < 300 && b.queue.list().length > 0; n++) await b.clock.advance(MINUTE);
    await b.clock.advance(5 * MINUTE);
    assert.deepEqual(b.queue.list(), []);
    assert.equal(b.queue.stats().toString(), "0/0/0");
    assert.equal(running.size, 0);
    assert.equal(new Set(b.courier.delivered).size, b.courier.delivered.length, "nobody got two copies");
    for (const name of wanted) {
      if (!removed.has(name)) assert.ok(b.courier.delivered.includes(name), `${name} was not served`);
    }
    await b.queue.stop(0);
    assert.equal(b.disk.openFiles, 0);
    assert.equal(b.clock.pending, 0);
  });
}
