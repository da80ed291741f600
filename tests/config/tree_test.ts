import assert from "node:assert/strict";
import { ConfigError } from "../../src/base/config_error.ts";
import { mergeTrees, parseTree, treeFileNames } from "../../src/config/tree.ts";
import { test } from "../kit/test.ts";

test("a name stands for files of other kinds when its own is missing", () => {
  assert.deepEqual(treeFileNames("a.b.json"), ["a.b.json", "a.b.hjson", "a.b.yaml", "a.b.yml"]);
  assert.deepEqual(treeFileNames("a.yml"), ["a.yml"]);
  for (const name of ["a.toml", "a", "a.constructor"]) assert.throws(() => treeFileNames(name), TypeError);
});

test("trees merge key by key, arrays are replaced, null changes nothing", () => {
  assert.deepEqual(mergeTrees({ a: { b: 1, c: [1, 2] }, d: 4 }, { a: { c: [3] }, d: null, e: 5 }), {
    a: { b: 1, c: [3] },
    d: 4,
    e: 5,
  });
});

test("prototypes are out of reach, a fault has its file", () => {
  const tree = parseTree('{"__proto__":{"polluted":1},"a":[{"constructor":2,"b":3}]}', "x.json");
  assert.deepEqual(tree, { a: [{ b: 3 }] });
  assert.equal(({} as { polluted?: number }).polluted, undefined);
  assert.deepEqual(parseTree(" \n", "x.json"), {});
  for (const file of ["x.json", "x.hjson", "x.yaml"]) {
    assert.throws(() => parseTree('{"a": [1', file), (e) => e instanceof ConfigError && e.fault.file === file);
  }
});
