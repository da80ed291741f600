import assert from "node:assert/strict";
import { closeInTurn } from "../../src/server/closers.ts";
import { test } from "../kit/test.ts";

test("what was opened last is closed first, one that fails holds nobody up, and nothing is closed twice", async () => {
  const closed: number[] = [];
  const closers = [1, 2, 3, 4].map((n) => async () => {
    await undefined;
    closed.push(n);
    if (n === 3) throw new Error("no");
  });
  await closeInTurn(closers);
  await closeInTurn(closers);
  assert.deepEqual(closed, [4, 3, 2, 1]);
});
