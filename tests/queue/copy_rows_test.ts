import assert from "node:assert/strict";
import { utf8Decode, utf8Encode } from "../../src/base/bytes.ts";
import { readRecord } from "../../src/queue/body_store.ts";
import { SegmentCounts } from "../../src/queue/compact.ts";
import { RowCopier } from "../../src/queue/copy_rows.ts";
import { Journal } from "../../src/queue/journal.ts";
import { Ledger } from "../../src/queue/ledger.ts";
import { encodePast, pastOf } from "../../src/queue/past.ts";
import { replay } from "../../src/queue/replay.ts";
import type { Segment } from "../../src/queue/segment.ts";
import { CrashDisk } from "../kit/crash_disk.ts";
import { FakeClock } from "../kit/fake_clock.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { test } from "../kit/test.ts";
import { DIR } from "./queue_kit.ts";

const T = 1_700_000_000_000;
const error = 'said "no" \\ Überlastet';

/** A journal with what there is to copy, replayed; and a copier that writes behind it. */
async function copier(write: (journal: Journal) => void) {
  const disk = new CrashDisk();
  disk.host.mkdirSync(DIR);
  const common = { host: disk.host, clock: new FakeClock(), log: memoryLog().log, dir: DIR, segmentBytes: 1 << 20 };
  const random = (into: Uint8Array) => void into.fill(7);
  const first = new Journal({ ...common, next: 1, random, onSegment: () => {} });
  write(first);
  await first.close();
  const { ledger, segments, counts } = replayed(disk);
  const journal = new Journal({ ...common, next: 2, random, onSegment: () => {} });
  const rows = () => ledger.resting.places.rowsIn(segments[0]!);
  return {
    disk,
    ledger,
    journal,
    counts,
    segment: segments[0]!,
    rows,
    copy: (isStopped = () => false) => new RowCopier({ journal, ledger, counts }).copy(segments[0]!, rows(), isStopped),
  };
}

function replayed(disk: CrashDisk) {
  const counts = new SegmentCounts();
  const ledger = new Ledger<Segment>(counts);
  const segments = replay(disk.host, DIR, {
    octets: (...record) => ledger.applyOctets(...record),
    record: (kind, json, place) => ledger.apply(kind, json, place),
    damage: (_, { reason }) => assert.fail(reason),
    unreadable: (_, error) => {
      throw error;
    },
  });
  return { ledger, segments, counts };
}

/** All that is known of each message, its octets on the disk included. */
function known(ledger: Ledger<Segment>) {
  return [...ledger.all()].map((message) => {
    const { stored: { st: _, ...stored }, content } = readRecord(message.place);
    const items = message.entries.map((entry) => ({ ...entry.stored(), domain: entry.domain, past: pastOf(entry) }));
    return { id: message.id, items, stored, content: utf8Decode(content) };
  }).sort((a, b) => a.id < b.id ? -1 : 1);
}

const accepted = (i: string, more: object = {}) =>
  JSON.stringify({ i, s: "s@x", r: ["a@b"], d: ["b"], t: T, z: 5, ...more });
const past = encodePast([{ at: T, results: [{ kind: "deferred", recipients: [0], text: "not now", host: "mx" }] }]);

/** One that was never tried, one of two items of which one is held, one that was copied before, one that is done. */
function usual(journal: Journal): void {
  journal.note("accepted", accepted("NEW"), [utf8Encode("fresh")]);
  journal.note("accepted", accepted("TWO", { r: ["a@b", "c@d", "e@b"], d: ["b", "d"], g: [0, 1, 0] }), [
    utf8Encode("two"),
  ]);
  const st = [{ n: 0, a: 3, d: T + 5, l: [0], e: "old", s: "4.0.0" }];
  journal.note("accepted", accepted("OLD", { n: { k: "v" }, st, u: 1 }), [utf8Encode("öld")]);
  journal.note("accepted", accepted("DONE"), [utf8Encode("x".repeat(300_000))]);
  journal.note(
    "outcome",
    JSON.stringify({ i: "TWO", n: 0, a: 1, d: T + 9, l: [2], e: "later", s: "4.4.1", w: 1, x: 1 }),
    [past],
  );
  journal.note("hold", JSON.stringify({ i: "TWO", n: 1 }));
  journal.note("outcome", JSON.stringify({ i: "OLD", n: 0, a: 4, d: T + 7, l: [0], e: error }));
  journal.note("removed", JSON.stringify({ i: "DONE" }));
}

test("what rests is copied forward as it stands, with its octets and its past, and nothing of it is woken", async () => {
  const c = await copier(usual);
  const before = known(c.ledger);
  assert.deepEqual(before.map(({ id }) => id), ["NEW", "OLD", "TWO"]);
  const made = c.ledger.resting.made;
  const octets = c.counts.liveBytes;
  await c.copy();
  assert.equal(c.ledger.resting.made, made);
  assert.deepEqual([c.segment.live, c.segment.liveBytes], [0, 0]);
  assert.equal(c.ledger.resting.items.pasts.rowsIn(c.segment).length, 0);
  // Two tell their state in their own record now, the third in place of an older one.
  assert.ok(c.counts.liveBytes > octets);
  assert.deepEqual(known(c.ledger), before);
  await c.journal.close();
  c.disk.host.removeSync(c.segment.path);
  const again = replayed(c.disk);
  assert.deepEqual(known(again.ledger), before);
  assert.equal(again.counts.liveBytes, c.counts.liveBytes);
});

test("what a copy does not understand, and what is awake or damaged, is left where it lies", async () => {
  const c = await copier((journal) => {
    journal.note("accepted", accepted("FILE", { b: ["x.eml", 0] }), [utf8Encode("head")]);
    journal.note("accepted", accepted("KEY", { q: "key" }), [utf8Encode("body")]);
    journal.note("accepted", accepted("LARGE"), [new Uint8Array(300_000)]);
    journal.note("accepted", accepted("AWAKE"), [utf8Encode("body")]);
    journal.note("accepted", accepted("BAD"), [utf8Encode("damaged")]);
    journal.note("accepted", accepted("GOOD"), [utf8Encode("body")]);
  });
  const [awake] = c.ledger.find("AWAKE");
  const file = c.disk.host.openSync(c.segment.path, { write: true });
  file.seekSync(new TextDecoder("latin1").decode(c.disk.read(c.segment.path)).indexOf("damaged"), 0);
  file.writeSync(Uint8Array.of(0));
  file.close();
  await c.copy();
  assert.deepEqual(c.rows().map((row) => c.ledger.resting.id(row)).sort(), ["AWAKE", "BAD", "FILE", "KEY", "LARGE"]);
  assert.equal(awake!.message.place.segment, c.segment);
  await c.journal.close();
});

test("what goes, wakes or gets another's row while it is copied is none of the copy's business any more", async () => {
  const c = await copier((journal) => {
    for (const id of ["GONE", "REUSED", "WOKEN", "TRIED", "STAYS"]) {
      journal.note("accepted", accepted(id), [utf8Encode(id)]);
      journal.note("outcome", JSON.stringify({ i: id, n: 0, a: 1, d: T, l: [0], x: 1 }), [past]);
    }
  });
  const { ledger, counts, segment } = c;
  const copied = c.copy();
  // The records are on their way.
  for (const id of ["GONE", "REUSED"]) ledger.done(ledger.find(id)[0]!);
  const other = { segment, offset: 1_000_000, length: 10 };
  const fresh = ledger.add({ i: "OTHER", s: "s@x", r: ["a@b"], d: ["b"], t: T, z: 5 }, other);
  assert.ok(ledger.rest(fresh));
  const [woken] = ledger.find("WOKEN");
  const [tried] = ledger.find("TRIED");
  tried!.past = { segment, offset: 2_000_000, length: 10 };
  assert.ok(ledger.rest(tried!.message));
  await copied;
  assert.equal(woken!.message.place.segment.number, 2);
  assert.equal((woken!.past as { segment: Segment }).segment.number, 2);
  assert.equal(pastOf(woken!).length, 1);
  assert.ok(ledger.rest(woken!.message));
  assert.deepEqual([segment.live, segment.liveBytes], [1, 10], "OTHER's");
  const places = [...ledger.all()].map(({ id, place }) => [id, place.segment.number]);
  assert.deepEqual(places, [["WOKEN", 2], ["TRIED", 2], ["STAYS", 2], ["OTHER", 1]]);
  assert.equal((ledger.find("TRIED")[0]!.past as { offset: number }).offset, 2_000_000);
  assert.equal(
    counts.liveBytes,
    10 + [...ledger.all()].filter(({ id }) => id !== "OTHER").reduce((sum, { place }) => sum + place.length, 0),
  );
  await c.journal.close();
});

test("a disk that fails leaves everything where it lies", async () => {
  const c = await copier(usual);
  const before = known(c.ledger);
  c.disk.fail = (step) => {
    if (step === "sync") throw new Error("EIO");
  };
  await assert.rejects(c.copy());
  c.disk.fail = () => {};
  assert.deepEqual(known(c.ledger), before);
  assert.equal(c.segment.live, 3);
  await c.journal.close();
  assert.deepEqual(known(replayed(c.disk).ledger), before);
});

test("many are copied in windows, and none after it was told to stop", async () => {
  const c = await copier((journal) => {
    for (let n = 0; n < 300; n++) journal.note("accepted", accepted(`M${n}`), [new Uint8Array(2000)]);
  });
  let asked = 0;
  await c.copy(() => asked++ > 0);
  const left = c.rows().length;
  assert.ok(left > 100 && left < 200, `${left}`);
  await c.copy();
  assert.equal(c.segment.live, 0);
  await c.journal.close();
});
