import assert from "node:assert/strict";
import { Starved } from "../../../src/queue/sites/starved.ts";
import { FakeClock } from "../../kit/fake_clock.ts";
import { test } from "../../kit/test.ts";

function starved(looked: (again: (name?: string) => void) => void = () => {}) {
  const clock = new FakeClock();
  const events: string[] = [];
  const lanes = new Map(["a", "b"].map((name) => [name, { site: { name }, size: name === "a" ? 1 : 0 }]));
  const slots = {
    workers: 2,
    take: () => undefined,
    give: () => {},
    unwant: (name = "all") => void events.push(`unwant ${name}`),
  };
  const wait = (name?: string) => made.wait(name === undefined ? undefined : lanes.get(name)!);
  const made = new Starved<{ site: { name: string }; size: number }>(clock, slots, {
    look: ({ site }) => void events.push(`look ${site.name}`),
    looked: () => {
      events.push("looked");
      looked(wait);
    },
  });
  return { clock, events, made, wait, lanes };
}

test("those without a slot are looked at again, once, and then nobody else waits for us", async () => {
  const s = starved();
  s.wait("a");
  s.wait("b");
  s.wait();
  assert.equal(s.made.has(s.lanes.get("a")!), true);
  await s.clock.advance(9);
  assert.deepEqual(s.events, []);
  await s.clock.advance(1);
  assert.deepEqual(s.events, ["look a", "unwant b", "look b", "looked", "unwant all"]);
  assert.equal(s.made.has(s.lanes.get("a")!), false);
  await s.clock.advance(100);
  assert.equal(s.events.length, 5);
});

test("who is still without one goes on waiting", async () => {
  let times = 0;
  const s = starved((again) => {
    if (times++ === 0) again("a");
  });
  s.wait("a");
  await s.clock.advance(10);
  assert.deepEqual(s.events, ["look a", "looked"]);
  await s.clock.advance(10);
  assert.deepEqual(s.events.slice(2), ["look a", "looked", "unwant all"]);
});

test("stopped, or got one meanwhile: not looked at", async () => {
  const s = starved();
  s.wait("a");
  s.made.delete(s.lanes.get("a")!);
  await s.clock.advance(10);
  assert.deepEqual(s.events, ["looked", "unwant all"]);
  s.wait("b");
  s.made.stop();
  await s.clock.advance(100);
  assert.deepEqual(s.events.slice(2), ["unwant all"]);
});
