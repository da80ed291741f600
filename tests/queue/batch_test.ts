import assert from "node:assert/strict";
import { Batch } from "../../src/queue/batch.ts";
import { type Frame, readFrames, readJson } from "../../src/queue/record.ts";
import { Segment, SEGMENT_HEADER } from "../../src/queue/segment.ts";
import { CrashDisk } from "../kit/crash_disk.ts";
import { test } from "../kit/test.ts";

const MARKER = 0x01020304;

/** The JSON and the content of each record, as they lie on the disk. */
function written(batch: Batch): { found: [string, number][]; offsets: number[] } {
  const disk = new CrashDisk();
  disk.host.mkdirSync("/q");
  const segment = Segment.create(disk.host, "/q", 1, MARKER);
  batch.write(segment);
  const offsets = batch.take().map(({ offset }) => offset);
  const bytes = disk.read(segment.path);
  const found: [string, number][] = [];
  const frames: Frame[] = [];
  readFrames(bytes, SEGMENT_HEADER, bytes.length, MARKER, {
    frame: (frame) => {
      frames.push(frame);
      found.push([readJson(bytes, frame), frame.end - frame.content]);
    },
    damage: () => assert.fail(),
  });
  assert.deepEqual(frames.map(({ start }) => start - SEGMENT_HEADER), offsets);
  return { found, offsets };
}

const parts = (...lengths: number[]) => lengths.map((length) => new Uint8Array(length).fill(length & 255));
const SIZES = [[], [10], [100_000], [10, 100_000], [100_000, 10], [300_000, 70_000, 5]];

test("records lie where the batch says, whatever is joined and whatever is written from where it lies", () => {
  const batch = new Batch();
  SIZES.forEach((sizes, n) => batch.add("accepted", `"${n}ä"`, parts(...sizes)));
  assert.deepEqual(
    written(batch).found,
    SIZES.map((sizes, n) => [`"${n}ä"`, sizes.reduce((sum, one) => sum + one, 0)]),
  );
  assert.equal(batch.empty, true);
  batch.add("hold", '"again"');
  assert.deepEqual(written(batch), { found: [['"again"', 0]], offsets: [0] });
});

test("two batches joined are what one would have been, wherever they are cut", () => {
  for (let cut = 0; cut <= SIZES.length; cut++) {
    const [first, second] = [new Batch(), new Batch()];
    SIZES.forEach((sizes, n) => (n < cut ? first : second).add("accepted", `"${n}"`, parts(...sizes)));
    first.join(second);
    assert.deepEqual(written(first).found.map(([json]) => json), SIZES.map((_, n) => `"${n}"`));
  }
});

test("a batch tells whether somebody waits for it", () => {
  const batch = new Batch();
  batch.add("outcome", "{}");
  assert.deepEqual([batch.empty, batch.awaited], [false, false]);
  batch.add("accepted", "{}", [], "id", () => {}, () => {});
  assert.equal(batch.awaited, true);
});
