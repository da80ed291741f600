import assert from "node:assert/strict";
import { NULL_FLOW } from "../../../src/queue/sites/flow.ts";
import { SiteBook } from "../../../src/queue/sites/site_book.ts";
import { Strands } from "../../../src/queue/sites/strands.ts";
import { FakeClock } from "../../kit/fake_clock.ts";
import { memoryLog } from "../../kit/memory_log.ts";
import { test } from "../../kit/test.ts";
import { sitesOf, type TestItem } from "./kit.ts";

function strands() {
  let table = sitesOf();
  const book = new SiteBook({ clock: new FakeClock(), log: memoryLog().log });
  const made = new Strands<TestItem>(book, ({ domain }) => table.siteOf(domain));
  return {
    made,
    add: (name: string, more: Partial<TestItem> = {}) => made.enlist({ name, domain: name[0]!, flow: 7, ...more }),
    set: (to: typeof table) => void (table = to),
  };
}

test("one sender's items for one site stand in one strand at each level, in order", () => {
  const { made, add } = strands();
  const first = add("a1");
  assert.equal(add("a2"), first);
  assert.notEqual(add("a3", { flow: 2 }), first);
  assert.notEqual(add("b1"), first);
  assert.deepEqual([...made.names()], ["a", "b"]);
  assert.deepEqual([made.lane("a")!.size, made.lane("a")!.strands.size, first.place], [3, 2, "none"]);
  assert.deepEqual([made.drop(first).name, made.drop(first).name, made.lane("a")!.size], ["a1", "a2", 1]);
  made.end(first);
  assert.notEqual(add("a4"), first);
});

test("reports are a level higher; what is tried again, or one of many in line, a level lower", () => {
  const { made, add } = strands();
  const levels = [add("a"), add("a", { flow: NULL_FLOW }), add("a", { isBulk: true }), add("a", { priority: 2 })];
  assert.deepEqual(levels.map(({ level }) => level), [0, 1, -1, 4]);
  const few = add("b");
  for (let n = 0; n < 96; n++) assert.equal(add("b"), few);
  const many = add("b");
  assert.equal(many.level, -1, "three wait elsewhere");
  made.drop(few);
  made.drop(many);
  assert.equal(add("b"), few, "99 are left");
});

test("a lane learns of its site's new policy, and is forgotten when asked to", () => {
  const { made, add, set } = strands();
  const { lane } = add("a");
  set(sitesOf({ connections: 3 }));
  assert.equal(add("a2").lane, lane);
  assert.deepEqual([lane.site.policy.connections, lane.state.policy.connections], [3, 3]);
  made.forget(lane);
  assert.equal(made.lane("a"), undefined);
  assert.notEqual(add("a3").lane, lane);
});

test("a lane is emptied however many wait in it", () => {
  const { made, add } = strands();
  const names = Array.from({ length: 200_000 }, (_, n) => `a${n}`);
  for (const name of names) add(name);
  const waiting: TestItem[] = [];
  made.empty(made.lane("a")!, waiting);
  // A hundred stand in a strand of their own, those behind are bulk.
  assert.deepEqual(waiting.map(({ name }) => name), names);
  assert.deepEqual([made.lane("a")!.size, made.lane("a")!.strands.size, add("a").level], [0, 0, 0]);
});
