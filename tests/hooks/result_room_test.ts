import assert from "node:assert/strict";
import { RESULTS_INI } from "../../src/config/files/results_ini.ts";
import { ResultRoom } from "../../src/hooks/result_room.ts";
import { ResultStore } from "../../src/hooks/result_store.ts";
import type { ResultChange } from "../../src/hooks/results.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { pluginHost } from "../kit/plugin_host.ts";
import { test } from "../kit/test.ts";

test("listeners hear of each add, incr and push, without what only concerns the log, until they leave", () => {
  const room = new ResultRoom(memoryLog().log);
  const results = new ResultStore(memoryLog().log, { id: "ID.1", room });
  const heard: ResultChange[] = [];
  results.add("p", { pass: "before" });
  const leave = room.subscribe((change) => heard.push(change));
  results.add("p", { pass: "a", err: new Error("broken"), emit: true, human: "x", gone: undefined });
  results.incr({ name: "p" }, { score: 2 });
  results.push("p", { seen: ["b"] });
  leave();
  results.add("p", { pass: "after" });
  assert.deepEqual(heard, [
    { id: "ID.1", plugin: "p", result: { pass: "a", err: "broken" } },
    { id: "ID.1", plugin: "p", result: { score: 2 } },
    { id: "ID.1", plugin: "p", result: { seen: ["b"] } },
  ]);
});

test("a listener that throws is logged, and the others hear all the same", () => {
  const memory = memoryLog();
  const room = new ResultRoom(memory.log);
  const heard: string[] = [];
  room.subscribe(() => {
    throw new Error("deaf");
  });
  room.subscribe(({ plugin }) => heard.push(plugin));
  const circle: { self?: unknown } = {};
  circle.self = circle;
  new ResultStore(memory.log, { id: "ID", room }).add("p", { circle });
  assert.deepEqual(heard, ["p"]);
  assert.match(memory.text(), /A listener to results failed.*deaf/);
});

test("[row 152] results.ini says by plugin what to hide, how to order and what to log in full, and may change", async () => {
  const fake = pluginHost("p", {
    files: { "results.ini": "[p]\nhide=skip\norder=fail,pass\ndebug=1\n[q]\nhide=pass\n" },
  });
  const memory = memoryLog();
  const room = new ResultRoom(memory.log);
  const leave = room.follow(await fake.config.ini(RESULTS_INI));
  const results = new ResultStore(memory.log, { id: "ID", room });
  for (const plugin of ["p", "q"]) results.add(plugin, { pass: "a", fail: "b", skip: "c", score: 1 });
  assert.deepEqual([results.collate("p"), results.collate("q")], [
    "fail:b, pass:a, score: 1",
    "score: 1, fail:b, skip:c",
  ]);
  assert.deepEqual(memory.items.map(({ level, origin, message }) => [level, origin, message]), [
    ["INFO", "p", 'Result: {"pass":"a","fail":"b","skip":"c","score":1}'],
  ]);
  fake.change("results.ini", "[q]\ndebug=true\n");
  results.incr("p", { score: 1 });
  results.incr("q", { score: 1 });
  assert.deepEqual([results.collate("p"), results.collate("q")], [
    "score: 2, pass:a, fail:b, skip:c",
    "score: 2, pass:a, fail:b, skip:c",
  ]);
  assert.equal(memory.items.at(-1)?.message, 'Result: {"score":1}');
  assert.equal(memory.items.length, 2);
  leave();
  fake.change("results.ini", "");
  assert.equal(room.busy, true);
});
