import assert from "node:assert/strict";
import { deadline, DeadlineError } from "../../src/base/deadline.ts";
import { FakeClock } from "../kit/fake_clock.ts";
import { test } from "../kit/test.ts";

test("a deadline aborts when time is up and says what was late", async () => {
  const clock = new FakeClock();
  const limit = deadline(clock, 100, "Connecting");
  await clock.advance(99);
  assert.equal(limit.signal.aborted, false);
  await clock.advance(1);
  assert.ok(limit.signal.reason instanceof DeadlineError);
  assert.equal(limit.signal.reason.message, "Connecting timed out after 100 ms");
});

test("a deadline that is ended leaves no timer and hears no signal", () => {
  const clock = new FakeClock();
  const parent = new AbortController();
  const limit = deadline(clock, 100, "Connecting", parent.signal);
  limit.end();
  limit.end();
  parent.abort();
  assert.equal(clock.pending, 0);
  assert.equal(limit.signal.aborted, false);
});

test("a deadline passes its parent's reason on, also one given before", () => {
  const clock = new FakeClock();
  const parent = new AbortController();
  const limit = deadline(clock, 100, "Connecting", parent.signal);
  const reason = new Error("stop");
  parent.abort(reason);
  assert.equal(limit.signal.reason, reason);
  assert.equal(deadline(clock, 100, "Connecting", parent.signal).signal.reason, reason);
  assert.equal(clock.pending, 0);
});
