import assert from "node:assert/strict";
import { Entry, Queued } from "../../src/queue/queued.ts";
import { Resting } from "../../src/queue/resting.ts";
import { test } from "../kit/test.ts";

const place = { segment: "s1", offset: 32, length: 500 };

function message(id: string, domains: readonly string[], more: Partial<Queued<string>> = {}): Queued<string> {
  const facts = { id, queuedAt: 5, size: 9, bodyFile: undefined, wanted: undefined, asksForDelay: false, ...more };
  const made = new Queued<string>(facts, place);
  made.entries = domains.map((domain, n) => new Entry(made, n, domain, [n]));
  return made;
}
const shown = ({ id, queuedAt, size, bodyFile, wanted, asksForDelay, place, entries }: Queued<string>) => ({
  ...{ id, queuedAt, size, bodyFile, wanted, asksForDelay, place },
  entries: entries.map((entry) => ({ ...entry.stored(), domain: entry.domain, past: entry.past })),
});

test("a message comes back as it was put to rest, with all that was known of it", () => {
  const resting = new Resting<string>();
  const one = message("Ä.1", ["a", "b", "c"], {
    bodyFile: "x.eml",
    wanted: { p: 4, h: 77, by: [5, "R"] },
    asksForDelay: true,
  });
  Object.assign(one.entries[0]!, { attempts: 3, dueAt: 1.5e12, lastError: "Über", lastStatus: "4.2.1", told: 3 });
  Object.assign(one.entries[2]!, { state: "held", past: { segment: "s9", offset: 7, length: 8 }, left: [2, 900] });
  const before = shown(one);
  assert.ok(resting.put(one, ({ dueAt }) => dueAt));
  assert.deepEqual(shown(resting.view(resting.row("Ä.1"))), before);
  assert.deepEqual([resting.size, resting.items.counts, resting.items.times.size], [1, [0, 2, 1], 2]);
  assert.deepEqual([...resting.bodyFiles()], ["x.eml"]);
  assert.equal(resting.countRecipients(), 4);
});

test("a message that was woken keeps its row and its place; items that were done meanwhile are gone from it", () => {
  const resting = new Resting<string>();
  for (const id of ["A", "B", "C"]) resting.put(message(id, ["x", "y", id]), undefined);
  const woken = resting.view(resting.row("B"), true);
  assert.deepEqual([resting.size, resting.items.counts], [2, [3, 6, 0]]);
  woken.entries.splice(1, 1);
  assert.ok(resting.put(woken, undefined));
  assert.deepEqual([...resting.rows()].map((row) => resting.id(row)), ["A", "B", "C"]);
  assert.deepEqual([...resting.rows("y")].map((row) => resting.id(row)), ["A", "C"]);
  assert.deepEqual(resting.view(woken.row).entries.map(({ id }) => id), ["B.1", "B.3"]);
  for (const row of resting.rows()) resting.remove(row);
  assert.deepEqual([resting.size, resting.items.size, [...resting.rows("x")]], [0, 0, []]);
});

test("what no row can hold stays awake: a history that is not on the disk yet, a recipient too far down", () => {
  const resting = new Resting<string>();
  const one = message("A", ["a"]);
  one.entries[0]!.past = new Uint8Array(3);
  assert.equal(resting.put(one, undefined), false);
  one.entries[0]!.past = undefined;
  one.entries[0]!.left = [10_000_000];
  assert.equal(resting.put(one, undefined), false);
  assert.deepEqual([resting.size, resting.row("A"), one.row], [0, -1, -1]);
});

test("a message of a million takes less than a kilobyte, and nothing that a garbage collector visits", () => {
  const resting = new Resting<string>();
  const count = 20_000;
  for (let n = 0; n < count; n++) {
    const id = `5E4A3F7C-2B1D-4C6E-9F80-${String(n).padStart(12, "0")}.1`;
    const one = message(id, [`d${n % 1000}.example`]);
    Object.assign(one.entries[0]!, {
      lastError: `451 4.7.1 Greylisted, try again in five minutes, ${n}`,
      lastStatus: "4.7.1",
    });
    one.entries[0]!.past = { segment: "s1", offset: n, length: 9 };
    resting.put(one, () => n);
  }
  assert.ok(resting.bytes / count < 500, `${resting.bytes / count} octets for a message`);
  assert.equal(resting.made, 0);
});
