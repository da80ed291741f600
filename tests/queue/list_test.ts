import assert from "node:assert/strict";
import { readQueue } from "../../src/queue/list.ts";
import type { DiskStep } from "../kit/crash_disk.ts";
import { test } from "../kit/test.ts";
import { bench, DIR } from "./queue_kit.ts";

test("a reader sees what is queued and changes nothing, while the server runs", async () => {
  const b = await bench({ start: false });
  await b.accept("A", ["x@one.example", "y@two.example"]);
  const steps: DiskStep[] = [];
  b.disk.fail = (step) => void steps.push(step);
  const open = b.disk.openFiles;
  const items = readQueue(b.disk.host, DIR, { domain: "Two.example" });
  assert.deepEqual(items.map(({ id, sender, recipients, size }) => [id, sender, ...recipients, size > 100]), [
    ["A.2", "us@home.example", "y@two.example", true],
  ]);
  assert.deepEqual(steps, []);
  assert.equal(b.disk.openFiles, open);
  await b.queue.stop(0);
});

test("items are found by id, by the transaction's id, by state, up to a limit", async () => {
  const b = await bench({ settings: { disabled: true } });
  await b.accept("A", ["x@one.example", "y@two.example"]);
  await b.accept("B", ["x@one.example"]);
  await b.queue.hold("B");
  const ids = (filter: Parameters<typeof b.queue.list>[0]) => b.queue.list(filter).map(({ id }) => id);
  assert.deepEqual(ids({ id: "A" }), ["A.1", "A.2"]);
  assert.deepEqual(ids({ id: "A.2" }), ["A.2"]);
  assert.deepEqual(ids({ state: "held" }), ["B.1"]);
  assert.deepEqual(ids({ limit: 1 }), ["A.1"]);
  assert.deepEqual(ids({ id: "nobody" }), []);
  await b.queue.stop(0);
});

test("stats read IN_PROGRESS/QUEUED/TEMP_FAIL [row 224]", async () => {
  let free = () => {};
  const b = await bench({
    settings: { concurrencyMax: 1 },
    verdicts: (a) => a.startsWith("soft") ? "deferred" : new Promise((resolve) => free = () => resolve("delivered")),
  });
  await b.accept("S", ["soft@one.example"]);
  await b.clock.advance(50);
  await b.accept("A", ["x@one.example"]);
  await b.accept("B", ["x@one.example"]);
  await b.accept("C", ["x@one.example"]);
  await b.clock.advance(50);
  assert.equal(String(b.queue.stats()), "1/2/1");
  for (let n = 0; n < 3; n++) {
    free();
    await b.clock.advance(50);
  }
  assert.equal(String(b.queue.stats()), "0/0/1");
  await b.queue.stop(0);
});

test("stats tell the oldest item, whatever its state, and none of an empty queue [wishes 29]", async () => {
  const b = await bench({ verdicts: (a) => a.startsWith("soft") ? "deferred" : "delivered" });
  assert.equal(b.queue.stats().oldest, undefined);
  const began = b.clock.now();
  await b.accept("A", ["soft@one.example"]);
  await b.clock.advance(5000);
  await b.accept("B", ["soft@one.example"]);
  await b.clock.advance(50);
  await b.queue.hold("A");
  assert.equal(b.queue.stats().oldest, began);
  await b.queue.remove("A");
  assert.equal(b.queue.stats().oldest, began + 5000);
  await b.queue.stop(0);
});
