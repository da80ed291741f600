/** What lanes do about sites; slots and turns themselves are in `tests/queue/lanes_test.ts`. */
import assert from "node:assert/strict";
import type { Heard } from "../../../src/queue/sites/heard.ts";
import { NULL_FLOW } from "../../../src/queue/sites/flow.ts";
import { settled } from "../../kit/fake_clock.ts";
import { test } from "../../kit/test.ts";
import { laneKit, sitesOf } from "./kit.ts";

const AWAY: Heard = { kind: "unreachable", reason: "cannot connect" };
const OK: Heard = { kind: "reached", replies: [] };
const MINUTE = 60_000;
const many = (domain: string, count: number, from = 0) =>
  Array.from({ length: count }, (_, n) => `${domain}${from + n}`);

test("five dead destinations don't fill all slots: the others have theirs at once", () => {
  const l = laneKit({ concurrencyMax: 100, proven: ["p"] });
  l.lanes.open = true;
  for (const dead of "vwxyz") l.add(...many(dead, 100));
  assert.equal(l.lanes.active, 25, "five each, as nobody knows them");
  l.add(...many("p", 100));
  assert.equal(l.lanes.countsOf("p").active, 20);
});

test("destinations nobody has reached have three quarters of the slots at most, failing ones a quarter", () => {
  const l = laneKit({ concurrencyMax: 40, proven: ["p"] });
  l.lanes.open = true;
  const names = [..."abcdefghijklmno"];
  for (const name of names) l.add(...many(name, 10));
  assert.equal(l.lanes.active, 27, "three have five before it gets crowded, then each has one");
  l.add(...many("p", 30));
  assert.equal(l.lanes.countsOf("p").active, 13);
  for (const name of [...l.leases.keys()]) if (!name.startsWith("p")) l.end(name, AWAY);
  const failing = names.map((name) => l.lanes.countsOf(name).active).reduce((sum, each) => sum + each);
  assert.ok(failing <= 30, `${failing}`);
  for (const name of names) assert.ok(l.lanes.countsOf(name).active <= 5);
});

test("a site that failed is tried one at a time, rests when its breaker opens and holds no slot then, and is probed by one", async () => {
  const l = laneKit({ table: sitesOf({ breaker: 5 }) });
  l.lanes.open = true;
  l.add(...many("d", 50));
  assert.equal(l.lanes.active, 5);
  for (const name of [...l.leases.keys()]) l.end(name, AWAY);
  assert.equal(l.lanes.active, 0, "resting");
  assert.equal(l.lanes.countsOf("d").ready, 45);
  await l.clock.advance(MINUTE - 1);
  assert.equal(l.lanes.active, 0);
  await l.clock.advance(1);
  assert.deepEqual([...l.leases.keys()], ["d5"], "a probe");
  l.end("d5", AWAY);
  await l.clock.advance(2 * MINUTE - 1);
  assert.equal(l.lanes.active, 0);
  await l.clock.advance(1);
  l.end("d6", OK);
  assert.equal(l.lanes.active, 5, "reached again");
  const lines = l.log.items.map(({ message }) => message);
  assert.deepEqual(lines, [
    "outbound: a destination rests",
    "outbound: a destination rests",
    "outbound: a destination was reached again",
  ]);
});

test("what waits for a rate holds no slot, and goes evenly", async () => {
  const l = laneKit({
    table: sitesOf({}, { "r": { rate: { count: 6, perMs: MINUTE } } }),
    proven: ["r"],
    concurrencyMax: 3,
  });
  l.lanes.open = true;
  l.add(...many("r", 10));
  assert.equal(l.lanes.active, 0, "nothing is known of what went before the start");
  l.add("b0", "b1", "b2");
  assert.equal(l.lanes.active, 3, "the others go");
  for (const name of ["b0", "b1", "b2"]) l.end(name, OK);
  const at: number[] = [];
  for (let second = 0; second < 100; second++) {
    await l.clock.advance(1000);
    for (const name of [...l.leases.keys()]) {
      at.push(second + 1);
      l.end(name, OK);
    }
  }
  assert.deepEqual(at, [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
  assert.equal(l.clock.pending, 0);
});

test("domains of one section are one site: its connections are theirs together", () => {
  const l = laneKit({ table: sitesOf({}, { "*": { connections: 3 } }), proven: ["*"] });
  l.lanes.open = true;
  l.add(...many("a", 5), ...many("b", 5));
  assert.deepEqual([l.lanes.active, l.lanes.countsOf("*")], [3, { active: 3, ready: 7 }]);
});

test("a suspended site waits for the operator; the others go on", async () => {
  const l = laneKit({ proven: ["a", "b"] });
  l.book.suspend(sitesOf().siteOf("a"), { reason: "on request", since: 0 });
  l.lanes.open = true;
  l.add("a1", "b1");
  assert.deepEqual(l.went, ["b1"]);
  await l.clock.advance(1000 * MINUTE);
  assert.deepEqual(l.went, ["b1"]);
  assert.equal(l.book.resume("a"), true);
  l.lanes.wake("a");
  assert.deepEqual(l.went, ["b1", "a1"]);
});

test("a suspension with an end ends by itself", async () => {
  const l = laneKit({ proven: ["a"] });
  const since = l.clock.now();
  l.book.suspend(sitesOf().siteOf("a"), { reason: "for a while", since, until: since + MINUTE });
  l.lanes.open = true;
  l.add("a1");
  await l.clock.advance(MINUTE - 1);
  assert.deepEqual(l.went, []);
  await l.clock.advance(1);
  assert.deepEqual(l.went, ["a1"]);
});

test("within a site senders take turns: one with ten thousand in line doesn't hold up another with one", () => {
  const l = laneKit({ table: sitesOf({ connections: 1 }), proven: ["a"] });
  l.lanes.open = true;
  for (let n = 0; n < 10_000; n++) l.lanes.add({ name: `bulk${n}`, domain: "a", flow: 7 });
  l.lanes.add({ name: "mine", domain: "a", flow: 8 });
  for (let n = 0; n < 3; n++) l.end(l.went.at(-1)!, OK);
  assert.ok(l.went.indexOf("mine") <= 2 && l.went.includes("mine"), `${l.went}`);
});

test("among sites too: a sender with a thousand destinations in line doesn't hold up one with a single one", () => {
  const names = Array.from({ length: 1000 }, (_, n) => `d${n}`);
  const l = laneKit({ concurrencyMax: 4, proven: [...names, "only"] });
  l.lanes.open = true;
  for (const domain of names) l.lanes.add({ name: `bulk-${domain}`, domain, flow: 7 });
  l.lanes.add({ name: "mine", domain: "only", flow: 8 });
  for (let n = 0; n < 3; n++) l.end([...l.leases.keys()][0]!, OK);
  assert.ok(l.went.includes("mine"), `${l.went}`);
});

test("reports go before mail, mail before bulk and what is tried again, and none of them starves", () => {
  const l = laneKit({ table: sitesOf({ connections: 1 }), proven: ["a"], concurrencyMax: 1 });
  for (let n = 0; n < 8; n++) {
    l.lanes.add({ name: `again${n}`, domain: "a", isBulk: true });
    l.lanes.add({ name: `mail${n}`, domain: "a", flow: 9 });
    l.lanes.add({ name: `report${n}`, domain: "a", flow: NULL_FLOW });
  }
  l.lanes.open = true;
  while (l.leases.size > 0) l.end([...l.leases.keys()][0]!, OK);
  const places = (what: string) => l.went.flatMap((name, at) => name.startsWith(what) ? [at] : []);
  const mean = (what: string) => places(what).reduce((sum, at) => sum + at, 0) / 8;
  assert.ok(mean("report") < mean("mail") && mean("mail") < mean("again"), `${l.went}`);
  assert.ok(places("again")[0]! < 10 && places("mail")[0]! < 6, `${l.went}`);
});

test("a sender with more than a hundred in line sends in bulk: what it sends then goes behind others", () => {
  const l = laneKit({ table: sitesOf({ connections: 1 }), proven: ["a"] });
  for (let n = 0; n < 200; n++) l.lanes.add({ name: `b${n}`, domain: "a", flow: 7 });
  for (let n = 0; n < 20; n++) l.lanes.add({ name: `m${n}`, domain: "a", flow: 100 + n });
  l.lanes.open = true;
  while (l.went.length < 60) l.end([...l.leases.keys()][0]!, OK);
  const others = l.went.filter((name) => name.startsWith("m")).length;
  assert.equal(others, 20);
});

test("a new table takes effect on what is in line: other sites, other limits", async () => {
  const l = laneKit({ table: sitesOf({ connections: 1 }), proven: ["a", "b", "*"] });
  l.lanes.open = true;
  l.add("a1", "a2", "b1", "b2");
  assert.deepEqual(l.went, ["a1", "b1"]);
  l.kit.table = sitesOf({}, { "*": { connections: 1 } });
  l.lanes.resite();
  assert.deepEqual(l.went, ["a1", "b1", "a2"]);
  assert.deepEqual(l.lanes.countsOf("*"), { active: 1, ready: 1 });
  for (const name of ["a1", "b1", "a2"]) l.end(name, OK);
  assert.deepEqual(l.went, ["a1", "b1", "a2", "b2"]);
  l.end("b2", OK);
  await settled();
  assert.deepEqual([l.lanes.active, [...l.lanes.names()]], [0, []]);
});
