import assert from "node:assert/strict";
import { Arena } from "../../src/base/arena.ts";
import { utf8Decode, utf8Encode } from "../../src/base/bytes.ts";
import { Names } from "../../src/base/names.ts";
import { seeded } from "../kit/crash_disk.ts";
import { test } from "../kit/test.ts";

test("names are found by their numbers and numbers by their names, as a Map would, through thousands of comings and goings", () => {
  const random = seeded(5);
  const names = new Names(new Arena());
  const model = new Map<string, number>();
  for (let n = 0; n < 30_000; n++) {
    const name = `n${Math.floor(random() * 3000)}`;
    const bytes = utf8Encode(name);
    const known = names.find(bytes, 0, bytes.length);
    assert.equal(known, model.get(name) ?? -1);
    if (known < 0) model.set(name, names.add(bytes, 0, bytes.length));
    else if (random() < 0.5) {
      names.remove(known);
      model.delete(name);
    }
  }
  assert.equal(names.size, model.size);
  assert.ok(names.bound <= 3000, "numbers are given again");
  for (const [name, number] of model) assert.equal(utf8Decode(names.get(number)), name);
});

test("a part of a text is a name like any other; the empty one, too", () => {
  const names = new Names(new Arena());
  const bytes = utf8Encode("one two");
  const two = names.add(bytes, 4, 7);
  assert.equal(names.find(utf8Encode("two"), 0, 3), two);
  assert.equal(names.find(bytes, 0, 0), -1);
  assert.equal(names.find(bytes, 3, 3), -1);
  const empty = names.add(bytes, 0, 0);
  assert.equal(names.find(bytes, 5, 5), empty);
});
