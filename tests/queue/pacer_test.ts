import assert from "node:assert/strict";
import { pacer } from "../../src/queue/pacer.ts";
import { FakeClock } from "../kit/fake_clock.ts";
import { test } from "../kit/test.ts";

test("a pause comes when ten milliseconds were worked, and not before", async () => {
  const clock = new FakeClock();
  const pause = pacer(clock);
  assert.equal(pause(), undefined);
  await clock.advance(9);
  assert.equal(pause(), undefined);
  await clock.advance(1);
  const paused = pause();
  assert.ok(paused instanceof Promise);
  await clock.advance(0);
  await paused;
  assert.equal(pause(), undefined, "and then it begins anew");
});
