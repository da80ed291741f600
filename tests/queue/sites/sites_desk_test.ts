import assert from "node:assert/strict";
import { SitesDesk, sitesTogether } from "../../../src/queue/sites/sites_desk.ts";
import { test } from "../../kit/test.ts";
import { type LaneKit, laneKit, sitesOf } from "./kit.ts";

const TABLE = sitesOf({ breaker: 1 }, { "mx:*.big.example": { rate: { count: 5, perMs: 1000 } }, "*.grp.test": {} });

function kit(more: LaneKit = {}) {
  const l = laneKit({ table: TABLE, ...more });
  l.lanes.open = true;
  return { ...l, desk: new SitesDesk({ clock: l.clock, book: l.book, lanes: l.lanes, table: () => TABLE }) };
}

test("listed are sites that have mail and those that aren't well, each with state, reason and end", () => {
  const k = kit({ proven: ["idle.test"] });
  k.lanes.add({ name: "1", domain: "busy.test" });
  k.lanes.add({ name: "2", domain: "dead.test" });
  k.lanes.add({ name: "3", domain: "fast.test" });
  k.end("2", { kind: "unreachable", reason: "cannot connect" });
  k.end("3", { kind: "reached", replies: ["421 slow down"] });
  k.desk.suspend("mx:*.big.example", { reason: "they asked", forMs: 1000 });
  const now = k.clock.now();
  assert.deepEqual(k.desk.list(), [
    { name: "busy.test", state: "well", connections: 20, active: 1, ready: 0, limit: 5, fails: 0 },
    {
      name: "dead.test",
      state: "resting",
      by: "breaker",
      reason: "cannot connect",
      until: now + 60_000,
      connections: 20,
      active: 0,
      ready: 0,
      limit: 0,
      fails: 1,
    },
    {
      name: "fast.test",
      state: "slow",
      by: "backoff",
      reason: "421 slow down",
      until: now + 300_000,
      connections: 20,
      active: 0,
      ready: 0,
      limit: 5,
      fails: 0,
    },
    {
      name: "mx:*.big.example",
      state: "suspended",
      by: "operator",
      reason: "they asked",
      until: now + 1000,
      connections: 20,
      active: 0,
      ready: 0,
      limit: 0,
      fails: 0,
      rate: { count: 5, perMs: 1000 },
    },
  ]);
  assert.deepEqual(k.desk.counts(), { well: 1, slow: 1, resting: 1, probing: 0, suspended: 1 });
});

test("a site is named by its section or by one of its domains, in any case", () => {
  const { desk } = kit();
  assert.equal(desk.show("A.Grp.Test").name, "*.grp.test");
  assert.equal(desk.show("*.grp.test").name, "*.grp.test");
  assert.equal(desk.suspend("b.grp.test", { reason: "r" }).name, "*.grp.test");
  assert.equal(desk.show("a.grp.test").state, "suspended");
  assert.equal(desk.show("alone.test").name, "alone.test");
});

test("resume ends a rest and lets what waits go at once; it says whether there was anything to end", async () => {
  const k = kit();
  k.lanes.add({ name: "1", domain: "dead.test" });
  k.end("1", { kind: "unreachable", reason: "cannot connect" });
  k.lanes.add({ name: "2", domain: "dead.test" });
  assert.deepEqual(k.went, ["1"]);
  await k.clock.advance(60_000 - 1);
  const { site, was } = k.desk.resume("dead.test");
  assert.deepEqual([was, site.state, site.active, k.went], [true, "well", 1, ["1", "2"]]);
  assert.equal(k.desk.resume("dead.test").was, false);
});

test("a site that is probed says so", async () => {
  const k = kit();
  k.lanes.add({ name: "1", domain: "dead.test" });
  k.end("1", { kind: "unreachable", reason: "cannot connect" });
  k.lanes.add({ name: "2", domain: "dead.test" });
  await k.clock.advance(60_000);
  assert.deepEqual([k.desk.show("dead.test").state, k.desk.show("dead.test").limit], ["probing", 1]);
});

test("what workers know of one site is told as one: counts add up, the worse state counts", () => {
  const site = { name: "a.test", connections: 20, limit: 5, fails: 0, active: 1, ready: 2 };
  const told = sitesTogether([
    { sites: [{ ...site, state: "well" }, { ...site, name: "b.test", state: "well" }], changed: false },
    { sites: [{ ...site, state: "resting", by: "breaker", reason: "r", limit: 0, fails: 5 }], changed: true },
  ]);
  assert.deepEqual(told, {
    sites: [
      { ...site, state: "resting", by: "breaker", reason: "r", limit: 5, fails: 5, active: 2, ready: 4 },
      { ...site, name: "b.test", state: "well" },
    ],
    changed: true,
  });
});
