import assert from "node:assert/strict";
import { Budget } from "../../src/queue/budget.ts";
import { test } from "../kit/test.ts";

test("what does not fit is refused, what is given back can be taken again", () => {
  let limit = 10;
  const budget = new Budget(() => limit);
  assert.equal(budget.take(6), true);
  assert.equal(budget.take(5), false);
  budget.give(6);
  assert.equal(budget.take(10), true);
  assert.equal(budget.used, 10);
  limit = 20;
  assert.equal(budget.take(10), true);
});
