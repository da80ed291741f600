import assert from "node:assert/strict";
import { defaultIntervals, parseIntervals } from "../../src/config/intervals.ts";
import { test } from "../kit/test.ts";

test("a list of times is read, with repetitions, whatever its blanks and case", () => {
  const vectors: readonly (readonly [string, readonly number[]])[] = [
    ["1m, 5m*2, 1h*3", [60, 300, 300, 3600, 3600, 3600]],
    ["10s, 1m*2", [10, 60, 60]],
    ["1D", [86_400]],
    ["1 0 s * 2", [10, 10]],
    ["none", []],
    [" NONE ", []],
  ];
  for (const [text, seconds] of vectors) assert.deepEqual(parseIntervals(text), { kind: "intervals", seconds }, text);
});

test("anything else is bad", () => {
  for (
    const text of [
      "",
      "60",
      "60 min",
      "4s",
      "0m",
      "1m*",
      "1m*0",
      "1m*1.5",
      "1m*2*3",
      "x",
      "1m,,2m",
      "-1m",
      "1m*99999999",
    ]
  ) {
    assert.equal(parseIntervals(text).kind, "bad", text);
  }
});

test("the default schedule doubles from 64 seconds, one time fewer than the failures allowed", () => {
  assert.deepEqual(defaultIntervals(13), [64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072]);
  assert.deepEqual(defaultIntervals(1), []);
});
