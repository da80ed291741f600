import assert from "node:assert/strict";
import { Ledger } from "../../src/queue/ledger.ts";
import type { StoredMessage } from "../../src/queue/stored.ts";
import { test } from "../kit/test.ts";

const place = { segment: undefined, offset: 0, length: 10 };
const message = (more: Partial<StoredMessage> = {}): StoredMessage => ({
  i: "A",
  t: 5,
  s: "us@home",
  r: ["1@a", "2@b", "3@a"],
  d: ["a", "b"],
  g: [0, 1, 0],
  z: 9,
  ...more,
});

function ledger() {
  let live = 0;
  const made = new Ledger<undefined>({ kept: () => void live++, gone: () => void live-- });
  const show = () =>
    [...made.messages.values()].flatMap(({ entries }) => entries.map((e) => [e.id, e.state, e.attempts, ...e.left]));
  return { ledger: made, show, live: () => live };
}

test("outcomes say how an item stands: applying one twice changes nothing", () => {
  const l = ledger();
  l.ledger.apply("accepted", message(), place);
  for (let n = 0; n < 2; n++) l.ledger.apply("outcome", { i: "A", n: 0, a: 1, d: 99, l: [2] }, place);
  assert.deepEqual(l.show(), [["A.1", "waiting", 1, 2], ["A.2", "waiting", 0, 1]]);
});

test("a message goes with its last item, and late records for it are passed over", () => {
  const l = ledger();
  l.ledger.apply("accepted", message(), place);
  l.ledger.apply("outcome", { i: "A", n: 0, a: 0, d: 0, l: [] }, place);
  assert.equal(l.live(), 1);
  l.ledger.apply("removed", { i: "A", n: 1 }, place);
  assert.equal(l.live(), 0);
  l.ledger.apply("outcome", { i: "A", n: 0, a: 3, d: 0, l: [0] }, place);
  l.ledger.apply("hold", { i: "A" }, place);
  assert.deepEqual(l.show(), []);
});

test("a record copied forward replaces the one before", () => {
  const l = ledger();
  l.ledger.apply("accepted", message(), place);
  l.ledger.apply("accepted", message({ st: [{ n: 1, a: 4, d: 7, l: [1], h: 1 }] }), place);
  assert.deepEqual(l.show(), [["A.2", "held", 4, 1]]);
  assert.equal(l.live(), 1);
});

test("a report settles the item it reports on in the same record", () => {
  const l = ledger();
  l.ledger.apply("accepted", message(), place);
  l.ledger.apply(
    "accepted",
    message({ i: "R", r: ["us@home"], d: ["home"], g: [0], o: { i: "A", n: 0, a: 0, d: 0, l: [] } }),
    place,
  );
  assert.deepEqual(l.show(), [["A.2", "waiting", 0, 1], ["R.1", "waiting", 0, 0]]);
});

test("hold and release without an item mean all items; find knows both forms of id", () => {
  const l = ledger();
  l.ledger.apply("accepted", message(), place);
  l.ledger.apply("hold", { i: "A" }, place);
  l.ledger.apply("release", { i: "A", n: 1 }, place);
  assert.deepEqual(l.show().map(([, state]) => state), ["held", "waiting"]);
  assert.deepEqual(l.ledger.find("A.2").map(({ id }) => id), ["A.2"]);
  assert.equal(l.ledger.find("A").length, 2);
  assert.deepEqual(l.ledger.find("A.3"), []);
});
