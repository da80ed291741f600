import assert from "node:assert/strict";
import { ResultRoom } from "../../src/hooks/result_room.ts";
import { ResultStore } from "../../src/hooks/result_store.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { test } from "../kit/test.ts";

test("[row 152] the five lists append, other keys overwrite, and a new record has all lists", () => {
  const results = new ResultStore(memoryLog().log);
  assert.equal(results.get("p"), undefined);
  results.add("p", { pass: "a", score: 1 });
  results.add({ name: "p" }, { pass: ["b", "c"], score: 2, skip: "s", human: "x", emit: false });
  assert.deepEqual(results.get({ name: "p" }), {
    pass: ["a", "b", "c"],
    fail: [],
    msg: [],
    err: [],
    skip: ["s"],
    score: 2,
  });
  assert.deepEqual(Object.keys(results.getAll()), ["p"]);
});

test("[row 152] incr counts and push appends", () => {
  const results = new ResultStore(memoryLog().log);
  results.incr("p", { score: 2, other: -1 });
  results.incr("p", { score: 0.5 });
  results.push("p", { seen: "a" });
  results.push("p", { seen: ["b", "c"] });
  const { score, other, seen } = results.get("p")!;
  assert.deepEqual([score, other, seen], [2.5, -1, ["a", "b", "c"]]);
});

test("[row 152] has() compares with a text or a pattern, in lists and in single values", () => {
  const results = new ResultStore(memoryLog().log);
  results.add("p", { fail: ["rcpt!local"], colour: "blue" });
  assert.equal(results.has("p", "fail", "rcpt!local"), true);
  assert.equal(results.has("p", "fail", "rcpt"), false);
  assert.equal(results.has("p", "fail", /^rcpt/), true);
  assert.equal(results.has("p", "fail", /^rcpt/g) && results.has("p", "fail", /^rcpt/g), true);
  assert.equal(results.has("p", "colour", "blue"), true);
  assert.equal(results.has("none", "fail", "x"), false);
});

test("[row 152] the summary has single keys first, then the lists; hidden keys are left out and the order may be given", () => {
  const style = { hide: ["skip"], order: ["fail", "score"] };
  const entry = { pass: ["a", "b"], fail: "c", skip: "d", score: 3, _secret: 1 };
  const plain = new ResultStore(memoryLog().log);
  plain.add("p", entry);
  assert.equal(plain.collate("p"), "score: 3, pass:a, b, fail:c, skip:d");
  const room = new ResultRoom(memoryLog().log);
  room.show({ p: style });
  const styled = new ResultStore(memoryLog().log, { id: "ID", room });
  styled.add("p", entry);
  assert.equal(styled.collate("p"), "fail:c, score: 3, pass:a, b");
  assert.equal(styled.collate("none"), "");
});

test("an err is logged as ERROR, emit logs the summary at INFO, both under the plugin's name", () => {
  const memory = memoryLog();
  const results = new ResultStore(memory.log);
  results.add("scan", { err: new Error("no route") });
  results.add("scan", { pass: "clean", emit: true });
  assert.deepEqual(memory.items.map(({ level, origin, message }) => [level, origin, message]), [
    ["ERROR", "scan", "no route"],
    ["INFO", "scan", "pass:clean, err:no route"],
  ]);
});

test("[row 152] one summary may be told otherwise: by a text for people, by what to leave out, by what to begin with", () => {
  const memory = memoryLog();
  const room = new ResultRoom(memory.log);
  room.show({ p: { hide: ["msg"], order: ["fail"] } });
  const results = new ResultStore(memory.log, { id: "ID", room });
  results.add("p", { pass: "a", fail: "b", msg: "c", emit: true });
  results.add("p", { emit: true, hide: ["fail"], order: ["msg"] });
  results.add("p", { emit: true, human: "all is well" });
  assert.deepEqual(memory.items.map(({ message }) => message), ["fail:b, pass:a", "msg:c, pass:a", "all is well"]);
  assert.equal(results.collate("p"), "fail:b, pass:a");
});

test("names of the prototype are neither plugins nor keys", () => {
  const results = new ResultStore(memoryLog().log);
  results.add("constructor", JSON.parse('{"__proto__": {"polluted": 1}, "pass": "x"}'));
  assert.deepEqual(results.get("constructor")?.pass, ["x"]);
  assert.equal(({} as { polluted?: number }).polluted, undefined);
  assert.equal(results.get("toString"), undefined);
});
