import assert from "node:assert/strict";
import { NO_SITES } from "../../src/hooks/site.ts";
import { Ledger } from "../../src/queue/ledger.ts";
import { dueAfterStart, flushRows, nextNews, setTimes } from "../../src/queue/resting_times.ts";
import type { StoredMessage } from "../../src/queue/stored.ts";
import { QUEUE_DEFAULTS } from "../../src/queue/types.ts";
import { test } from "../kit/test.ts";

const HOUR = 3_600_000;
const POLICY = NO_SITES.siteOf("any.example").policy;
const settings = { ...QUEUE_DEFAULTS, me: "x" };
const place = { segment: undefined, offset: 0, length: 10 };

/** Messages at rest, each with one item for its domain. */
function ledger(...messages: (Partial<StoredMessage> & { readonly i: string; readonly d: readonly string[] })[]) {
  const made = new Ledger<undefined>({ kept: () => {}, gone: () => {} });
  for (const more of messages) made.apply("accepted", { t: 1000, s: "s@x", r: ["r@y"], z: 9, ...more }, place);
  const { items } = made.resting;
  const next = () => {
    const order: [string, number][] = [];
    for (; items.times.size > 0; items.times.delete(items.times.first)) {
      order.push([made.resting.id(items.messages[items.times.first]!), items.times.nextAt]);
    }
    return order;
  };
  return { made, next };
}

test("after a start each item is looked at when it is due, or when its sender is to hear of it", () => {
  const { made, next } = ledger(
    { i: "NEW", d: ["a"], t: 9 * HOUR },
    { i: "LATE", d: ["a"], st: [{ n: 0, a: 1, d: 30 * HOUR, l: [0] }], r: [{ a: "r@y", y: "D" }], t: 9 * HOUR },
    { i: "OLD", d: ["a"], st: [{ n: 0, a: 1, d: 30 * HOUR, l: [0] }] },
    { i: "BY", d: ["a"], st: [{ n: 0, a: 1, d: 30 * HOUR, l: [0] }], w: { by: [11 * HOUR, "R"] } },
    { i: "HELD", d: ["a"], st: [{ n: 0, a: 1, d: 30 * HOUR, l: [0], h: 1 }] },
  );
  // The clock has gone back an hour since NEW came.
  setTimes(made.resting, settings, () => POLICY, 8 * HOUR);
  assert.deepEqual(next(), [["NEW", 8 * HOUR], ["BY", 11 * HOUR], ["LATE", 13 * HOUR], ["OLD", 30 * HOUR]]);
  assert.equal(made.resting.made, 0);
});

test("a flush makes those of a domain due, or all; those that are held, by whomever, stay", () => {
  const { made, next } = ledger(
    { i: "A", d: ["a"] },
    { i: "B", d: ["b"] },
    { i: "HELD", d: ["a"], st: [{ n: 0, a: 1, d: 5, l: [0], h: 1 }] },
    { i: "SENDER", d: ["a"], w: { h: 99 * HOUR } },
  );
  setTimes(made.resting, settings, () => POLICY, HOUR);
  assert.equal(flushRows(made.resting, 2 * HOUR, "b"), 1);
  assert.equal(flushRows(made.resting, 3 * HOUR, "nobody"), 0);
  assert.deepEqual(next(), [["A", 1000], ["B", 2 * HOUR], ["SENDER", 99 * HOUR]]);
  assert.equal(flushRows(made.resting, 4 * HOUR), 2);
  assert.deepEqual(next().sort(), [["A", 4 * HOUR], ["B", 4 * HOUR]]);
  assert.equal(made.resting.made, 0);
});

test("news that is due already comes again in a while; a time that was set is not the acceptance's", () => {
  const message = { asksForDelay: true, queuedAt: 0, wanted: undefined };
  assert.equal(nextNews({ message, told: 0 }, settings, POLICY, 5 * HOUR), 5 * HOUR + 60_000);
  assert.equal(nextNews({ message, told: 0 }, settings, POLICY, HOUR), 4 * HOUR);
  assert.deepEqual([dueAfterStart(5, 5, 3), dueAfterStart(5, 5, 8), dueAfterStart(7, 5, 3)], [3, 5, 7]);
});
