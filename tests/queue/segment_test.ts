import assert from "node:assert/strict";
import {
  readMarker,
  Segment,
  SEGMENT_HEADER,
  segmentName,
  segmentNumber,
  syncDirectory,
} from "../../src/queue/segment.ts";
import { CrashDisk } from "../kit/crash_disk.ts";
import { test } from "../kit/test.ts";
import { bench } from "./queue_kit.ts";

function fresh() {
  const disk = new CrashDisk();
  disk.host.mkdirSync("/q");
  return { disk, segment: Segment.create(disk.host, "/q", 7, 0xfeedbeef) };
}

test("names and numbers match, other names are none", () => {
  for (const number of [1, 12, 999_999, 1_000_000]) assert.equal(segmentNumber(segmentName(number)), number);
  for (const name of ["1.log", "000001.log.bak", "error.000001.log", "lock"]) {
    assert.equal(segmentNumber(name), undefined);
  }
});

test("a header tells its marker; any flipped octet that counts makes it tell nothing", () => {
  const { disk, segment } = fresh();
  const bytes = disk.read("/q/000007.log");
  assert.equal(bytes.length, SEGMENT_HEADER);
  assert.equal(readMarker(bytes), segment.marker);
  for (let at = 0; at < 20; at++) {
    const flipped = bytes.slice();
    flipped[at]! ^= 4;
    assert.equal(readMarker(flipped), undefined);
  }
  assert.equal(readMarker(bytes.subarray(0, 31)), undefined);
  segment.close();
});

test("reading by offset does not disturb appending, and a closed segment opens again", () => {
  const { segment } = fresh();
  segment.write(Uint8Array.of(1, 2, 3));
  assert.deepEqual([...segment.read(33, 35)], [2, 3]);
  segment.write(Uint8Array.of(4));
  segment.close();
  assert.deepEqual([...segment.read(32, 36)], [1, 2, 3, 4]);
  assert.throws(() => segment.read(34, 40), /ends before octet 40/);
  segment.close();
});

test("a segment that cannot be cut back is sealed", () => {
  const { disk, segment } = fresh();
  segment.write(new Uint8Array(10));
  assert.equal(segment.cut(36), true);
  assert.equal(disk.read(segment.path).length, 36);
  disk.fail = () => {
    throw new Error("EIO");
  };
  assert.equal(segment.cut(33), false);
  assert.equal(segment.sealed, true);
  segment.close();
});

test("a segment whose header cannot be written leaves no file", () => {
  const disk = new CrashDisk();
  disk.host.mkdirSync("/q");
  disk.fail = (step) => {
    if (step === "write") throw new Error("No space left");
  };
  assert.throws(() => Segment.create(disk.host, "/q", 1, 1));
  assert.deepEqual(disk.names("/q"), []);
  assert.equal(disk.openFiles, 0);
});

test("a directory's names are durable after syncDirectory, and lost without", async () => {
  const lost = fresh();
  lost.segment.close();
  const forget = (disk: CrashDisk) => {
    let calls = 0;
    return disk.afterCrash(() => calls++ === 0 ? 0.1 : 0.99);
  };
  assert.deepEqual(forget(lost.disk).names("/q"), []);
  await syncDirectory(lost.disk.host, "/q");
  assert.deepEqual(forget(lost.disk).names("/q"), ["000007.log"]);
});

test("however many segments are written and read, few files are open at a time", async () => {
  const b = await bench({ start: false, options: { segmentBytes: 600 } });
  for (let n = 0; n < 200; n++) await b.accept(`M${n}`, ["x@one.example"], undefined, "y".repeat(300));
  assert.ok(b.disk.openFiles < 40, `${b.disk.openFiles} open after writing`);
  assert.equal(b.queue.list().filter(({ sender }) => sender !== "?").length, 200);
  assert.ok(b.disk.openFiles < 40, `${b.disk.openFiles} open after reading`);
  await b.queue.stop(0);
  assert.equal(b.disk.openFiles, 0);
});
