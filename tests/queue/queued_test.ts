import assert from "node:assert/strict";
import { Entry, Queued } from "../../src/queue/queued.ts";
import { test } from "../kit/test.ts";

const facts = { id: "A", queuedAt: 5, size: 9, bodyFile: undefined, wanted: undefined, asksForDelay: false };
const place = { segment: undefined, offset: 0, length: 10 };

test("an item says how it stands in the form of its next record, and nothing that need not be said", () => {
  const entry = new Entry(new Queued(facts, place), 1, "a.example", [0, 2]);
  assert.deepEqual(entry.stored(), { n: 1, a: 0, d: 5, l: [0, 2] });
  Object.assign(entry, { attempts: 2, state: "held", lastError: "e", lastStatus: "4.4.1", told: 1 });
  assert.deepEqual(entry.stored(), { n: 1, a: 2, d: 5, l: [0, 2], h: 1, e: "e", s: "4.4.1", w: 1 });
  assert.equal(entry.id, "A.2");
});

test("an item is looked at when it is due or its sender is to hear of it; what a sender holds is due at its time", () => {
  const entry = new Entry(new Queued({ ...facts, wanted: { h: 50, p: 3 } }, place), 0, "a", [0]);
  assert.deepEqual([entry.dueAt, entry.wakeAt, entry.priority], [50, 50, 3]);
  entry.newsAt = 20;
  assert.equal(entry.wakeAt, 20);
});
