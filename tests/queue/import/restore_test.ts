import assert from "node:assert/strict";
import { isParked, PARKED } from "../../../src/queue/import/restore.ts";
import { test } from "../../kit/test.ts";
import { bench } from "../queue_kit.ts";
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
