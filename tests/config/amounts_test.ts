import assert from "node:assert/strict";
import { formatDuration, parseDuration, parseRate } from "../../src/config/amounts.ts";
import { test } from "../kit/test.ts";

test("a time is a number and a unit", () => {
  const given = ["90s", "15m", "2h", "5d", "1.5h", " 3 M ", "0s", "5", "h", "-1h", "9999999d", "5 weeks", ""];
  assert.deepEqual(given.map(parseDuration), [
    90_000,
    900_000,
    7_200_000,
    432_000_000,
    5_400_000,
    180_000,
    ...Array(7).fill(undefined),
  ]);
});

test("a rate is a number in a time", () => {
  assert.deepEqual(parseRate("250/1h"), { count: 250, perMs: 3_600_000 });
  assert.deepEqual(parseRate("10 / s"), { count: 10, perMs: 1_000 });
  assert.deepEqual(parseRate("1/2d"), { count: 1, perMs: 172_800_000 });
  for (const bad of ["250", "0/1h", "250/0h", "x/1h", "250/1y", "-5/1h", "1/h/2", "9999999999/1h", ""]) {
    assert.equal(parseRate(bad), undefined, bad);
  }
});

test("a time is written in the largest unit that says it", () => {
  assert.deepEqual([1_000, 90_000, 3_600_000, 7_300_000, 172_800_000, 100].map(formatDuration), [
    "1s",
    "90s",
    "1h",
    "2h",
    "2d",
    "0s",
  ]);
});
