import assert from "node:assert/strict";
import { replay, segmentNumbers } from "../../src/queue/replay.ts";
import { test } from "../kit/test.ts";
import { bench, DIR } from "./queue_kit.ts";

test("segments are read oldest first, whatever else lies there", async () => {
  const b = await bench({ start: false, options: { segmentBytes: 600 } });
  for (let n = 0; n < 12; n++) await b.accept(`M${n}`, ["x@one.example"], undefined, "y".repeat(300));
  b.disk.write(`${DIR}/999.txt`, Uint8Array.of(1));
  const numbers = segmentNumbers(b.disk.host, DIR);
  assert.deepEqual(numbers, numbers.map((_, i) => i + 1));
  assert.ok(numbers.length >= 6);
  const seen: unknown[] = [];
  const segments = replay(b.disk.host, DIR, {
    record: (kind, json, { segment, length }) => {
      assert.ok(length > 300 && segment.number >= 1);
      seen.push([kind, (json as { i: string }).i]);
    },
    damage: () => assert.fail(),
    unreadable: () => assert.fail(),
  });
  assert.deepEqual(seen, Array.from({ length: 12 }, (_, n) => ["accepted", `M${n}`]));
  assert.deepEqual(segments.map(({ number }) => number), numbers);
  await b.queue.stop(0);
});

test("a sound frame whose JSON is none is damage", async () => {
  const b = await bench({ start: false });
  await b.accept("A", ["x@one.example"]);
  const { putChecksum } = await import("../../src/queue/record.ts");
  const bytes = b.disk.read(`${DIR}/000001.log`);
  bytes[32 + 20] = "x".charCodeAt(0);
  putChecksum(bytes, 32, bytes.length);
  b.disk.write(`${DIR}/000001.log`, bytes);
  const reasons: string[] = [];
  replay(b.disk.host, DIR, {
    record: () => assert.fail(),
    damage: (_, d) => void reasons.push(d.reason),
    unreadable: () => assert.fail(),
  });
  assert.deepEqual(reasons, ["damaged record"]);
  await b.queue.stop(0);
});
