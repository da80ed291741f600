import assert from "node:assert/strict";
import { paceOf } from "../../../src/queue/sites/pace.ts";
import { paceMemory, SharedPaces } from "../../../src/queue/sites/shared_paces.ts";
import { seeded } from "../../kit/crash_disk.ts";
import { FAKE_START, FakeClock } from "../../kit/fake_clock.ts";
import { test } from "../../kit/test.ts";
import { SharedSlots, slotMemory } from "../../../src/queue/shared_slots.ts";
import { laneKit, mostIn, sitesOf } from "./kit.ts";

test("two workers have one rate together: never more in any stretch, and all of it used", () => {
  const memory = paceMemory();
  const workers = [new SharedPaces(memory), new SharedPaces(memory)];
  const random = seeded(3);
  const rate = { count: 60, perMs: 60_000 };
  const pace = paceOf(rate);
  const went: number[] = [];
  const each = [0, 0];
  const next = [FAKE_START, FAKE_START + 0.5];
  for (let at = FAKE_START; at < FAKE_START + 600_000;) {
    const who = next[0]! <= next[1]! ? 0 : 1;
    at = next[who]!;
    const wait = workers[who]!.take("slow.example", pace, at);
    if (wait === 0) {
      went.push(at);
      each[who]!++;
    }
    next[who] = at + Math.max(wait, 1 + random() * 50);
  }
  assert.ok(mostIn(went, rate.perMs) <= rate.count, `${mostIn(went, rate.perMs)}`);
  assert.ok(went.length > 540, `${went.length} of 600`);
  assert.ok(each[0]! > 200 && each[1]! > 200, `${each}`);
});

test("sites have a bucket each, and those that find no cell have one together", () => {
  const paces = new SharedPaces(paceMemory());
  const pace = paceOf({ count: 1, perMs: 1000 });
  const now = FAKE_START;
  for (const name of ["a.example", "b.example"]) assert.equal(paces.take(name, pace, now), 1000, "empty at first");
  assert.equal(paces.take("a.example", pace, now + 1000), 0);
  assert.equal(paces.take("a.example", pace, now + 1000), 1000);
  assert.equal(paces.take("b.example", pace, now + 1000), 0);
  // More sites than there are cells: whoever shares one waits for the other, and no more goes than the rate lets.
  let went = 0;
  for (let n = 0; n < 40_000; n++) paces.take(`x${n}.example`, pace, now);
  for (let n = 0; n < 40_000; n++) if (paces.take(`x${n}.example`, pace, now + 1000) === 0) went++;
  assert.ok(went > 25_000 && went <= 40_000, `${went}`);
});

test("lanes of two workers keep one site's rate on a fake clock, whatever goes on", async () => {
  const clock = new FakeClock();
  const paces = paceMemory();
  const slots = slotMemory(2);
  const rate = { count: 10, perMs: 2_000 };
  const table = sitesOf({}, { "a": { rate } });
  const times: number[] = [];
  const workers = [0, 1].map((worker) => {
    const shared = { slots: new SharedSlots(slots, worker), paces: new SharedPaces(paces) };
    const made = laneKit({ clock, table, shared, proven: ["a", "b"] });
    made.lanes.open = true;
    return made;
  });
  const random = seeded(9);
  for (let n = 0; n < 120; n++) workers[n % 2]!.lanes.add({ name: `a${n}`, domain: "a" });
  for (let tick = 0; tick < 560; tick++) {
    for (const { leases, end, went } of workers) {
      for (const name of [...leases.keys()]) {
        if (random() < 0.5) continue;
        end(name, { kind: "reached", replies: [] });
      }
      while (went.length > 0) {
        if (went.shift()!.startsWith("a")) times.push(clock.now());
      }
    }
    await clock.advance(50);
  }
  assert.equal(times.length, 120, "all went");
  assert.ok(mostIn(times, rate.perMs + 50) <= rate.count + 1, "as seen every 50 ms");
  assert.ok(times.at(-1)! - times[0]! < 27_000, "and it used its rate");
});
