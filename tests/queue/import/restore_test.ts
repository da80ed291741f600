import assert from "node:assert/strict";
import { isParked, PARKED } from "../../../src/queue/import/restore.ts";
import { test } from "../../kit/test.ts";
import { CrashDisk } from "../../kit/crash_disk.ts";
import { bench, DIR } from "../queue_kit.ts";
import { harakaFile, harakaName } from "./import_kit.ts";

test("only what is held for its import counts as parked", () => {
  assert.equal(isParked({ state: "held", lastError: PARKED }), true);
  assert.equal(isParked({ state: "held", lastError: "451 later" }), false);
  assert.equal(isParked({ state: "waiting", lastError: PARKED }), false);
});

test("what was taken in can be held and released like all mail, and another import leaves it alone", async () => {
  const b = await bench({ verdicts: () => "deferred" });
  b.disk.host.mkdirSync("/in");
  b.disk.write(`/in/${harakaName(1)}`, harakaFile());
  await b.queue.import("/in");
  await b.clock.advance(50);
  await b.queue.order({ verb: "hold", filter: {} });
  assert.deepEqual(await b.queue.import("/in"), []);
  assert.deepEqual(b.queue.list().map(({ state, attempts }) => [state, attempts]), [["held", 1]]);
  assert.deepEqual(await b.queue.order({ verb: "release", filter: {} }), { items: 1, passed: 0 });
  await b.queue.stop(0);
  const again = await bench({ disk: b.disk, clock: b.clock, start: false });
  assert.deepEqual(again.queue.list().map(({ state, attempts }) => [state, attempts]), [["waiting", 1]]);
  await again.queue.stop(0);
});

test("a message with several items is let go with each of them as it stood", async () => {
  const b = await bench({ verdicts: () => "deferred" });
  await b.accept("M", ["a@one.example", "b@two.example", "c@three.example"]);
  await b.clock.advance(1000);
  await b.queue.stop(0);
  const source = await bench({ disk: b.disk, clock: b.clock, start: false });
  const before = source.queue.list();
  assert.deepEqual(before.map(({ attempts }) => attempts), [1, 1, 1]);
  await source.queue.stop(0);
  const { exportQueue } = await import("../../../src/queue/export.ts");
  b.disk.host.mkdirSync("/out");
  await exportQueue(b.disk.host, DIR, "/out", {});
  const disk = new CrashDisk();
  disk.host.mkdirSync("/in");
  for (const name of b.disk.names("/out")) disk.write(`/in/${name}`, b.disk.read(`/out/${name}`));
  const into = await bench({ disk, clock: b.clock, start: false });
  await into.queue.import("/in");
  assert.deepEqual(into.queue.list(), before);
  assert.deepEqual(into.queue.list().map(({ state }) => state), ["waiting", "waiting", "waiting"]);
  await into.queue.stop(0);
});
