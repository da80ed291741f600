import assert from "node:assert/strict";
import { Notes } from "../../src/hooks/notes.ts";
import { test } from "../kit/test.ts";

test("dotted paths are set and got, objects on the way are made, and a missing part is undefined", () => {
  const notes = new Notes();
  notes.set("a.b.c", 1);
  assert.equal(notes.get("a.b.c"), 1);
  assert.deepEqual(notes.get("a"), { b: { c: 1 } });
  assert.equal(notes.get("a.x.c"), undefined);
  assert.equal(notes.get("a.b.c.d"), undefined);
  notes.set(["a", "name.with.dots"], 2);
  assert.equal(notes.get(["a", "name.with.dots"]), 2);
  assert.deepEqual(JSON.parse(JSON.stringify(notes)), { a: { b: { c: 1 }, "name.with.dots": 2 } });
});

test("onlyIfUndefined leaves what is there", () => {
  const notes = new Notes();
  notes.set("a.b", 1, true);
  notes.set("a.b", 2, true);
  assert.equal(notes.get("a.b"), 1);
});

test("paths through the prototype and empty paths are refused", () => {
  const notes = new Notes();
  for (const path of ["__proto__.x", "a.constructor", "prototype"]) {
    assert.throws(() => notes.set(path, 1), TypeError);
    assert.throws(() => notes.get(path), TypeError);
  }
  assert.throws(() => notes.set([], 1), /path is empty/);
  assert.equal(notes.get("toString"), undefined);
});
