import assert from "node:assert/strict";
import { Rings } from "../../../src/queue/sites/rings.ts";
import { SiteBook } from "../../../src/queue/sites/site_book.ts";
import { Strands } from "../../../src/queue/sites/strands.ts";
import { FakeClock } from "../../kit/fake_clock.ts";
import { memoryLog } from "../../kit/memory_log.ts";
import { test } from "../../kit/test.ts";
import { prove, sitesOf, type TestItem } from "./kit.ts";

/** Strands whose turn may come; `p…` are of proven sites, `f…` of failing ones. */
function rings(...names: string[]) {
  const table = sitesOf();
  const book = new SiteBook({ clock: new FakeClock(), log: memoryLog().log });
  const strands = new Strands<TestItem>(book, ({ domain }) => table.siteOf(domain));
  const made = new Rings<TestItem>();
  const fail = (name: string) => {
    const state = book.state(table.siteOf(name));
    state.heard({ kind: "unreachable", reason: "no" }, state.epoch, 0);
  };
  for (const name of names) {
    if (name[0] === "p") prove(book, table.siteOf(name));
    if (name[0] === "f") fail(name);
    made.enter(strands.enlist({ name, domain: name, flow: 7 }));
  }
  return { made, strands, fail, next: (slots: number) => made.next(slots)?.lane.site.name };
}

test("the standings take turns", () => {
  const { next } = rings("p1", "p2", "n1", "n2", "f1", "p3");
  assert.deepEqual(Array.from({ length: 7 }, () => next(100)), ["p1", "n1", "f1", "p2", "n2", "p3", undefined]);
});

test("what nobody has reached yet and what fails leave a quarter to the others", () => {
  const { made, next } = rings("n1", "n2", "f1", "p1");
  for (let n = 0; n < 5; n++) made.began("new");
  assert.equal(made.isCrowded(8), true);
  assert.equal(made.isCrowded(16), false);
  made.began("failing");
  assert.deepEqual([next(8), next(8)], ["p1", "f1"], "six of eight are taken by those that are not proven");
  assert.equal(next(8), undefined);
  made.ended("new");
  assert.deepEqual([next(8), next(8)], ["n1", "n2"]);
});

test("of a few slots none are kept back for one to a site", () => {
  const { made } = rings();
  for (let n = 0; n < 5; n++) made.began("new");
  assert.equal(made.isCrowded(7), false);
});

test("a strand whose site stands otherwise by now goes with its like", () => {
  const { made, next, fail } = rings("n1", "n2");
  fail("n1");
  made.began("failing");
  made.began("failing");
  assert.equal(next(8), "n2");
  assert.equal(next(8), undefined, "two of eight are all that failing ones may have");
  made.ended("failing");
  assert.equal(next(8), "n1");
});

test("one that is put back is next, and where it waits is known", () => {
  const { made, next } = rings("p1", "p2");
  const first = made.next(9)!;
  assert.deepEqual([first.place, first.lane.inRing], ["none", 0]);
  made.putBack(first);
  assert.deepEqual([first.place, first.lane.inRing], ["ring", 1]);
  assert.deepEqual([next(9), next(9)], ["p1", "p2"]);
  made.putBack(first);
  made.clear();
  assert.equal(next(9), undefined);
});
