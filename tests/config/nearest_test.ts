import assert from "node:assert/strict";
import { editDistance, nearestName } from "../../src/config/nearest.ts";
import { test } from "../kit/test.ts";

test("insertions, deletions and replacements are counted", () => {
  assert.deepEqual([editDistance("", "abc"), editDistance("kitten", "sitting"), editDistance("same", "same")], [
    3,
    3,
    0,
  ]);
});

test("the nearest name is a slip of the finger away, or there is none", () => {
  const known = ["listen", "nodes", "user"];
  assert.deepEqual(["lisen", "Lisetn", "nods", "group", "zzzzzz"].map((name) => nearestName(name, known)), [
    "listen",
    "listen",
    "nodes",
    undefined,
    undefined,
  ]);
});
