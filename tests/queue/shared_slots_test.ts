import assert from "node:assert/strict";
import { Lanes, type Lease } from "../../src/queue/lanes.ts";
import { forfeit, SharedSlots, slotMemory } from "../../src/queue/shared_slots.ts";
import { FakeClock } from "../kit/fake_clock.ts";
import { test } from "../kit/test.ts";

const LIMITS = { concurrencyMax: 6, perDestination: 4 };

test("slots taken by one worker are missing for another, by destination and in total", () => {
  const memory = slotMemory(2);
  const [a, b] = [new SharedSlots(memory, 0), new SharedSlots(memory, 1)];
  for (let i = 0; i < 4; i++) assert.equal(a.take("one.test", LIMITS), undefined);
  assert.equal(b.take("one.test", LIMITS), "domain");
  assert.equal(b.take("two.test", LIMITS), undefined);
  assert.equal(b.take("two.test", LIMITS), undefined);
  assert.equal(b.take("two.test", LIMITS), "total");
  a.give("one.test");
  assert.equal(b.take("two.test", LIMITS), undefined);
});

test("nobody takes more than an even share while another waits, and an unwanted wish holds nobody up", () => {
  const memory = slotMemory(2);
  const [a, b] = [new SharedSlots(memory, 0), new SharedSlots(memory, 1)];
  for (let i = 0; i < 4; i++) a.take("one.test", LIMITS);
  assert.equal(b.take("one.test", LIMITS), "domain");
  a.give("one.test");
  assert.equal(a.take("one.test", LIMITS), "domain", "the other's turn");
  assert.equal(b.take("one.test", LIMITS), undefined);
  b.give("one.test");
  assert.equal(b.take("one.test", LIMITS), undefined, "below its share it may, whoever waits");
  b.give("one.test");
  b.unwant();
  assert.equal(a.take("one.test", LIMITS), undefined);
});

test("what a dead worker held is there again, and its wishes are gone", () => {
  const memory = slotMemory(2);
  const [a, b] = [new SharedSlots(memory, 0), new SharedSlots(memory, 1)];
  for (let i = 0; i < 4; i++) a.take("one.test", LIMITS);
  b.take("two.test", LIMITS);
  b.take("one.test", LIMITS);
  forfeit(memory, 0);
  for (let i = 0; i < 4; i++) assert.equal(b.take("one.test", LIMITS), undefined);
  assert.equal(b.take("one.test", LIMITS), "domain");
  forfeit(memory, 1);
  const table = new Int32Array(memory);
  assert.ok(table.every((count) => count === 0));
});

interface Item {
  readonly domain: string;
}

test("lanes of two workers keep to the limits together, and none starves", async () => {
  const clock = new FakeClock();
  const memory = slotMemory(2);
  const limits = { concurrencyMax: 5, perDestination: 3 };
  const leases: Lease[][] = [[], []];
  const went = [0, 0];
  const workers = [0, 1].map((i) => {
    const shared = { slots: new SharedSlots(memory, i), clock };
    const lanes = new Lanes<Item>(
      () => limits,
      (_, lease) => {
        went[i]!++;
        leases[i]!.push(lease);
      },
      () => false,
      shared,
    );
    lanes.open = true;
    return lanes;
  });
  for (let n = 0; n < 60; n++) workers[0]!.add({ domain: n % 2 ? "a.test" : "b.test" });
  for (let n = 0; n < 60; n++) workers[1]!.add({ domain: n % 2 ? "a.test" : "b.test" });
  assert.equal(went[0], 5, "the first is alone at first");
  for (let round = 0; round < 400 && went[0]! + went[1]! < 120; round++) {
    const [one, two] = workers as [Lanes<Item>, Lanes<Item>];
    assert.ok(one.active + two.active <= 5);
    for (const domain of ["a.test", "b.test"]) assert.ok(one.activeFor(domain) + two.activeFor(domain) <= 3);
    if (round === 40) assert.ok(went[1]! > 10, `the second gets its share: ${went}`);
    // Alternately, so that each has its slots given back between the other's.
    leases[round % 2]!.shift()?.release();
    await clock.advance(10);
  }
  assert.deepEqual(went, [60, 60]);
  for (const each of leases) for (const lease of each) lease.release();
  for (const lanes of workers) lanes.open = false;
  assert.ok(new Int32Array(memory).every((count) => count === 0), "nothing is left taken or wished for");
});
