import assert from "node:assert/strict";
import { forfeit, SharedSlots, slotMemory } from "../../src/queue/shared_slots.ts";
import { FakeClock } from "../kit/fake_clock.ts";
import { test } from "../kit/test.ts";
import { laneKit, sitesOf } from "./sites/kit.ts";

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

test("lanes of two workers keep to the limits together, and none starves", async () => {
  const clock = new FakeClock();
  const memory = slotMemory(2);
  const table = sitesOf({ connections: 3 });
  const workers = [0, 1].map((i) => {
    const made = laneKit({
      clock,
      concurrencyMax: 5,
      table,
      proven: ["a.test", "b.test"],
      shared: { slots: new SharedSlots(memory, i) },
    });
    made.lanes.open = true;
    return made;
  }) as [ReturnType<typeof laneKit>, ReturnType<typeof laneKit>];
  const [one, two] = workers;
  let names = 0;
  for (const worker of workers) {
    for (let n = 0; n < 60; n++) worker.lanes.add({ name: `${names++}`, domain: n % 2 ? "a.test" : "b.test" });
  }
  const went = () => [one.went.length, two.went.length];
  assert.equal(went()[0], 5, "the first is alone at first");
  for (let round = 0; round < 400 && went()[0]! + went()[1]! < 120; round++) {
    assert.ok(one.lanes.active + two.lanes.active <= 5);
    for (const domain of ["a.test", "b.test"]) {
      assert.ok(one.lanes.countsOf(domain).active + two.lanes.countsOf(domain).active <= 3);
    }
    if (round === 40) assert.ok(went()[1]! > 10, `the second gets its share: ${went()}`);
    // Alternately, so that each has its slots given back between the other's.
    const [first] = workers[round % 2]!.leases.keys();
    if (first !== undefined) workers[round % 2]!.end(first);
    await clock.advance(10);
  }
  assert.deepEqual(went(), [60, 60]);
  for (const worker of workers) {
    for (const name of [...worker.leases.keys()]) worker.end(name);
    worker.lanes.open = false;
  }
  assert.ok(new Int32Array(memory).every((count) => count === 0), "nothing is left taken or wished for");
  assert.equal(clock.pending, 0);
});
