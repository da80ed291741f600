import assert from "node:assert/strict";
import { HookCall, waitFor } from "../../src/hooks/hook_call.ts";
import { FakeClock } from "../kit/fake_clock.ts";
import { test } from "../kit/test.ts";

/** A signal that counts who listens. */
function counted() {
  const controller = new AbortController();
  let listeners = 0;
  const { signal } = controller;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: unknown[]) => (listeners++, addEventListener.apply(signal, args as never));
  signal.removeEventListener = (...args: unknown[]) => (listeners--, removeEventListener.apply(signal, args as never));
  return { controller, signal, listeners: () => listeners };
}

test("the event has the caller's fields and a signal that follows the run's", () => {
  const { controller, signal } = counted();
  const call = new HookCall({ a: 1 }, signal) as HookCall & { a: number };
  assert.equal(call.a, 1);
  assert.notEqual(new HookCall({ signal }, undefined).signal, signal);
  assert.equal(call.signal, call.signal);
  controller.abort(new Error("gone"));
  assert.equal(call.signal.reason.message, "gone");
  assert.equal(new HookCall({}, signal).signal.aborted, true);
});

test("a wait ends once, by what comes first, and leaves neither timer nor listener behind", async () => {
  const clock = new FakeClock();
  for (const end of ["said", "threw", "late", "gone"] as const) {
    const outer = counted();
    const call = new HookCall({}, outer.signal);
    const { signal } = call;
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const waited = waitFor(promise, call, { clock, timeoutMs: 10, outer: outer.signal });
    assert.equal(clock.pending, 1);
    if (end === "said") resolve("yes");
    if (end === "threw") reject("no");
    if (end === "gone") outer.controller.abort();
    if (end === "late") await clock.advance(10);
    assert.equal((await waited).kind, end);
    assert.equal(clock.pending, 0);
    assert.ok(outer.listeners() <= 0, end);
    assert.equal(signal.aborted, end === "late" || end === "gone", end);
    reject(new Error("too late to be heard"));
  }
});

test("without a deadline no timer is armed", async () => {
  const clock = new FakeClock();
  const waited = waitFor(Promise.resolve(7), new HookCall({}, undefined), { clock, timeoutMs: 0, outer: undefined });
  assert.equal(clock.pending, 0);
  assert.deepEqual(await waited, { kind: "said", value: 7 });
});
