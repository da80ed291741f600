import assert from "node:assert/strict";
import { DIR } from "./queue_kit.ts";
import { readRecord } from "../../src/queue/body_store.ts";
import { Journal } from "../../src/queue/journal.ts";
import { replay } from "../../src/queue/replay.ts";
import type { Segment } from "../../src/queue/segment.ts";
import { CrashDisk, type DiskStep } from "../kit/crash_disk.ts";
import { FakeClock, settled } from "../kit/fake_clock.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { test } from "../kit/test.ts";

function journal(disk = new CrashDisk(), segmentBytes = 1 << 20, next = 1) {
  const clock = new FakeClock();
  const given: Segment[] = [];
  disk.host.mkdirSync(DIR);
  const made = new Journal({
    host: disk.host,
    clock,
    log: memoryLog().log,
    dir: DIR,
    segmentBytes,
    next,
    random: (into) => into.fill(0xa7),
    onSegment: (segment) => given.push(segment),
  });
  return { journal: made, clock, disk, given };
}

const message = (i: string) => JSON.stringify({ i });

function records(disk: CrashDisk): string[] {
  const found: string[] = [];
  const damaged: string[] = [];
  replay(disk.host, DIR, {
    record: (kind, json) => void found.push(`${kind} ${(json as { i: string }).i}`),
    damage: (_, { reason }) => void damaged.push(reason),
    unreadable: (_, error) => {
      throw error;
    },
  });
  assert.deepEqual(damaged, []);
  return found;
}

const forgetful = (disk: CrashDisk) => {
  let calls = 0;
  return disk.afterCrash(() => calls++ === 0 ? 0.1 : 0.99);
};

function enospc(): Error {
  return Object.assign(new Error("No space left on device"), { code: "ENOSPC" });
}

test("records appended in one turn share one write and one sync", async () => {
  const { journal: j, disk } = journal();
  await j.append("accepted", message("first"));
  const steps: DiskStep[] = [];
  disk.fail = (step) => void steps.push(step);
  await Promise.all([1, 2, 3].map((n) => j.append("accepted", message(`m${n}`), [new Uint8Array(500)])));
  assert.deepEqual(steps, ["write", "sync", "synced"]);
  assert.deepEqual(records(forgetful(disk)), ["accepted first", "accepted m1", "accepted m2", "accepted m3"]);
  await j.close();
});

test("while one sync runs the next batch gathers", async () => {
  const { journal: j, disk } = journal();
  await j.append("accepted", message("first"));
  let syncs = 0;
  const more: Promise<unknown>[] = [];
  disk.fail = (step) => {
    if (step !== "sync") return;
    if (syncs++ === 0) { for (let n = 0; n < 5; n++) more.push(j.append("accepted", message(`later${n}`))); }
  };
  await j.append("accepted", message("second"));
  await Promise.all(more);
  assert.equal(syncs, 2);
  await j.close();
});

test("a part larger than the joining limit is written from where it lies, between its neighbours", async () => {
  const { journal: j, disk } = journal();
  const big = new Uint8Array(100_000).map((_, i) => i);
  const places = await Promise.all([
    j.append("accepted", message("a"), [Uint8Array.of(1, 2)]),
    j.append("accepted", message("b"), [Uint8Array.of(3), big]),
    j.append("accepted", message("c"), [Uint8Array.of(4, 5, 6)]),
  ]);
  assert.deepEqual(places.map((place) => readRecord(place).content.length), [2, 100_001, 3]);
  assert.deepEqual(readRecord(places[1]!).content.subarray(1), big);
  assert.deepEqual(records(forgetful(disk)), ["accepted a", "accepted b", "accepted c"]);
  await j.close();
});

test("a note rides the next commit, or goes alone after a short while", async () => {
  const { journal: j, disk, clock } = journal();
  j.note("outcome", message("alone"));
  assert.deepEqual(disk.names(DIR), []);
  await clock.advance(50);
  assert.deepEqual(records(forgetful(disk)), ["outcome alone"]);
  j.note("outcome", message("rides"));
  await j.append("accepted", message("a"));
  assert.deepEqual(records(forgetful(disk)), ["outcome alone", "outcome rides", "accepted a"]);
  await j.close();
  assert.equal(clock.pending, 0);
});

for (const [when, nth] of [["making the segment", 1], ["writing its header", 2], ["writing a batch", 3]] as const) {
  test(`a disk that is full when ${when} refuses the record, keeps none of it, and works again with space`, async () => {
    const { journal: j, disk, clock } = journal();
    let count = 0;
    // The failing write lets half of it through, as a full disk does.
    disk.fail = (step) => {
      if (step !== "create" && step !== "write") return;
      if (++count >= nth) throw enospc();
    };
    j.note("outcome", message("note"));
    const refused = [1, 2].map((n) => j.append("accepted", message(`r${n}`), [new Uint8Array(999)]));
    for (const one of refused) await assert.rejects(one, { name: "QueueError", fault: "disk-full" });
    disk.fail = () => {};
    await j.append("accepted", message("kept"));
    await clock.advance(2000);
    assert.deepEqual(records(forgetful(disk)).sort(), ["accepted kept", "outcome note"]);
    await j.close();
  });
}

test("a write that went half through is cut off again", async () => {
  const { journal: j, disk } = journal();
  await j.append("accepted", message("before"));
  let once = true;
  disk.fail = (step) => {
    if (step !== "write") return;
    if (!once) throw enospc();
    once = false;
    return 300;
  };
  await assert.rejects(j.append("accepted", message("half"), [new Uint8Array(999)]), { fault: "disk-full" });
  disk.fail = () => {};
  await j.append("accepted", message("after"));
  assert.deepEqual(records(disk), ["accepted before", "accepted after"]);
  assert.deepEqual(disk.names(DIR), ["000001.log"]);
  await j.close();
});

test("after a failed sync the segment is never written again, and what may be in it is taken back", async () => {
  const { journal: j, disk, given, clock } = journal();
  await j.append("accepted", message("before"));
  disk.fail = (step) => {
    if (step === "sync" || step === "truncate") throw new Error("Input/output error");
  };
  j.note("outcome", message("note"));
  await assert.rejects(j.append("accepted", message("lost"), [], "lost"), { fault: "disk-fault" });
  disk.fail = () => {};
  await j.append("accepted", message("after"));
  await clock.advance(2000);
  assert.deepEqual(given.map(({ number, sealed }) => [number, sealed]), [[1, true]]);
  const found = records(disk);
  assert.deepEqual(found.filter((one) => !one.startsWith("outcome")), [
    "accepted before",
    "accepted lost",
    "removed lost",
    "accepted after",
  ]);
  await j.close();
});

test("a full segment is followed by a new one", async () => {
  const { journal: j, disk, given } = journal(new CrashDisk(), 1000);
  for (let n = 0; n < 6; n++) await j.append("accepted", message(`m${n}`), [new Uint8Array(600)]);
  assert.deepEqual(disk.names(DIR), ["000001.log", "000002.log", "000003.log"]);
  assert.deepEqual(given.map(({ number }) => number), [1, 2]);
  assert.equal(records(forgetful(disk)).length, 6);
  await j.close();
  await assert.rejects(j.append("accepted", message("late")), { fault: "stopped" });
  await settled();
});

test("what is written again after a fault stays in front of what was given while the fault happened", async () => {
  const { journal: j, disk, clock } = journal();
  await j.append("accepted", message("first"));
  const large = new Uint8Array(100_000).fill(7);
  const later: Promise<{ readonly segment: Segment; readonly offset: number; readonly length: number }>[] = [];
  let syncs = 0;
  disk.fail = (step) => {
    if (step !== "sync" || ++syncs > 1) return;
    // Given while the first batch is on its way, and newer than what is in it.
    j.note("outcome", message("item as it is now"));
    later.push(j.append("accepted", message("again"), [large, new Uint8Array(10)]));
    j.note("hold", message("last"));
    throw new Error("EIO");
  };
  j.note("outcome", message("item as it was"));
  await assert.rejects(j.append("accepted", message("again"), [], "again"), /EIO/);
  const place = await later[0]!;
  await clock.advance(5000);
  assert.deepEqual(readRecord(place).content, new Uint8Array([...large, ...new Uint8Array(10)]));
  await j.close();
  assert.deepEqual(records(disk).slice(-5), [
    "outcome item as it was",
    "removed again",
    "outcome item as it is now",
    "accepted again",
    "hold last",
  ]);
});
