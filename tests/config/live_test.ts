import assert from "node:assert/strict";
import { derive, LiveValue } from "../../src/config/live.ts";
import { test } from "../kit/test.ts";

test("listeners hear each new value until they end", () => {
  const live = new LiveValue(1);
  const told: number[] = [];
  const end = live.onChange((value) => told.push(value));
  live.set(2, () => assert.fail("threw"));
  end();
  live.set(3, () => assert.fail("threw"));
  assert.deepEqual([told, live.value], [[2], 3]);
});

test("a derived value follows its sources, and keeps the last good one", () => {
  const source = new LiveValue(1);
  const thrown: unknown[] = [];
  const { live, close } = derive([source], () => {
    if (source.value < 0) throw new Error("negative");
    return source.value * 2;
  }, (reason) => thrown.push(reason));
  source.set(2, () => assert.fail("threw"));
  source.set(-1, () => assert.fail("threw"));
  assert.deepEqual([live.value, thrown.length], [4, 1]);
  close();
  source.set(5, () => assert.fail("threw"));
  assert.equal(live.value, 4);
});
