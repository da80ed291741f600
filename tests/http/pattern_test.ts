import assert from "node:assert/strict";
import { partsOf, pattern } from "../../src/http/pattern.ts";
import { test } from "../kit/test.ts";

const match = (path: string, below: boolean, asked: string) => {
  const found = pattern(path, below)(partsOf(asked)!);
  return found && [{ ...found.params }, found.rest];
};

test("a path matches itself, with or without a slash at its end, and nothing below", () => {
  assert.deepEqual(match("/logs", false, "/logs"), [{}, ""]);
  assert.deepEqual(match("/logs", false, "/logs/"), [{}, "/"]);
  assert.equal(match("/logs", false, "/logs/1"), undefined);
  assert.equal(match("/logs", false, "/log"), undefined);
  assert.deepEqual(match("/", false, "/"), [{}, "/"]);
});

test("a :name takes one part, decoded", () => {
  assert.deepEqual(match("/logs/:id/:what", false, "/logs/a%20b/c"), [{ id: "a b", what: "c" }, ""]);
  assert.equal(match("/logs/:id", false, "/logs/"), undefined);
  assert.equal(match("/logs/:id", false, "/logs/a/b"), undefined);
  assert.equal(pattern("/:constructor", false)(partsOf("/x")!)!.params["toString"], undefined);
});

test("a path and all below it: what is left over is told", () => {
  assert.deepEqual(match("/watch", true, "/watch"), [{}, ""]);
  assert.deepEqual(match("/watch/", true, "/watch/"), [{}, "/"]);
  assert.deepEqual(match("/watch", true, "/watch/js/app.js"), [{}, "/js/app.js"]);
  assert.deepEqual(match("/", true, "/any/thing"), [{}, "/any/thing"]);
  assert.equal(match("/watch", true, "/watchers"), undefined);
});

test("a route that no request can match is refused when it is registered", () => {
  for (const bad of ["logs", "", "/a?b", "/a#b", "/a*"]) {
    assert.throws(() => pattern(bad, false), { name: "TypeError", message: /wanted: a path/ }, bad);
  }
});

test("bad encodings and hidden separators have no parts", () => {
  for (const bad of ["/%", "/%ff", "/a%2fb", "/a%5Cb", "/a%00"]) assert.equal(partsOf(bad), undefined, bad);
  assert.deepEqual(partsOf("/a/%C3%A9/"), ["a", "é", ""]);
});
