import assert from "node:assert/strict";
import { emptyAt, paceOf, step } from "../../../src/queue/sites/pace.ts";
import { seeded } from "../../kit/crash_disk.ts";
import { test } from "../../kit/test.ts";
import { mostIn } from "./kit.ts";

test("never more than the number in any stretch of the time, whoever asks when, and little less when all ask always", () => {
  const random = seeded(11);
  for (let run = 0; run < 60; run++) {
    const count = 1 + Math.floor(random() * 400);
    const perMs = 1000 + Math.floor(random() * 3_600_000);
    const pace = paceOf({ count, perMs });
    let now = 1_000_000 + random();
    let fullAt = emptyAt(now, pace);
    const went: number[] = [];
    const eager = run % 2 === 0;
    const began = now;
    while (now < began + perMs * 4) {
      const taken = step(fullAt, now, pace);
      if ("fullAt" in taken) {
        fullAt = taken.fullAt;
        went.push(now);
        if (!eager && random() < 0.2) now += random() * perMs;
      } else now += eager ? taken.waitMs : taken.waitMs * (1 + random());
    }
    assert.ok(mostIn(went, perMs) <= count, `${count} in ${perMs}: ${mostIn(went, perMs)}`);
    if (eager && perMs / count > 20) assert.ok(went.length >= 4 * count * 0.88, `${went.length} of ${4 * count}`);
  }
});

test("a twentieth goes at once, the rest evenly", () => {
  const pace = paceOf({ count: 100, perMs: 60_000 });
  let fullAt = 0;
  const at = (now: number) => {
    const taken = step(fullAt, now, pace);
    if ("waitMs" in taken) return taken.waitMs;
    fullAt = taken.fullAt;
    return 0;
  };
  assert.deepEqual(Array.from({ length: 7 }, () => at(1_000_000)), [0, 0, 0, 0, 0, 0, 632]);
  assert.equal(at(1_000_632), 0);
  assert.equal(at(1_000_632), 632);
});

test("slowed down, it has half the rate and nothing at once", () => {
  assert.deepEqual(paceOf({ count: 100, perMs: 60_000 }, 1), { stepMs: 1200, depthMs: 1200 });
  assert.equal(paceOf({ count: 100, perMs: 60_000 }, 3).stepMs, 4800);
});

test("a clock that went back costs one step of the bucket at most, not the hours it went back", () => {
  const pace = paceOf({ count: 1, perMs: 1000 });
  const taken = step(10_000_000, 5_000_000, pace);
  assert.deepEqual(taken, { waitMs: 1000 });
});
