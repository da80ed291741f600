import assert from "node:assert/strict";
import { Turns } from "../../../src/queue/sites/turns.ts";
import { test } from "../../kit/test.ts";

const all = (turns: Turns<string>) => Array.from({ length: turns.size }, () => turns.shift());

test("flows take turns, however many wait in one; those of a flow go in order", () => {
  const turns = new Turns<string>();
  for (const one of ["a1", "a2", "a3", "a4", "b1", "b2", "c1"]) turns.push(one, 0, one.charCodeAt(0));
  assert.deepEqual(all(turns), ["a1", "b1", "c1", "a2", "b2", "a3", "a4"]);
  assert.equal(turns.shift(), undefined);
});

test("a higher level goes first, and after three of it one of a lower", () => {
  const turns = new Turns<string>();
  for (let n = 0; n < 5; n++) turns.push(`low${n}`, -1, 1);
  for (let n = 0; n < 7; n++) turns.push(`high${n}`, 1, 2 + n);
  assert.deepEqual(all(turns).slice(0, 8), ["high0", "high1", "high2", "low0", "high3", "high4", "high5", "low1"]);
});

test("who is put back goes next of its flow", () => {
  const turns = new Turns<string>();
  turns.push("a1", 0, 1);
  turns.push("a2", 0, 1);
  const first = turns.shift()!;
  turns.unshift(first, 0, 1);
  assert.deepEqual(all(turns), ["a1", "a2"]);
  turns.unshift("b", 0, 2);
  assert.deepEqual([turns.size, turns.shift(), turns.size], [1, "b", 0]);
});
