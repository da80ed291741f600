import assert from "node:assert/strict";
import { settled } from "../../src/server/settled.ts";
import { FakeClock } from "../kit/fake_clock.ts";
import { test } from "../kit/test.ts";

test("settled() waits for all, those that join meanwhile and those that fail included", async () => {
  const running = new Set<Promise<unknown>>();
  const add = (promise: Promise<unknown>) => {
    const kept: Promise<unknown> = promise.catch(() => {}).finally(() => running.delete(kept));
    running.add(kept);
  };
  let second = false;
  add(Promise.reject(new Error("the first fails")));
  add(Promise.resolve().then(() => add(Promise.resolve().then(() => second = true))));
  assert.equal(await settled(running, 1000, new FakeClock()), true);
  assert.equal(second, true);
});

test("settled() gives up when its time is over", async () => {
  const clock = new FakeClock();
  const waiting = settled(new Set([new Promise(() => {})]), 1000, clock);
  await clock.advance(1000);
  assert.equal(await waiting, false);
});
