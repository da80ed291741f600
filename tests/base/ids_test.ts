import assert from "node:assert/strict";
import { newId } from "../../src/base/ids.ts";
import { test } from "../kit/test.ts";

test("an id is 8-4-4-4-12 upper-case hex digits, version 4, and new each time", () => {
  const ids = new Set(Array.from({ length: 100 }, newId));
  assert.equal(ids.size, 100);
  for (const id of ids) assert.match(id, /^[0-9A-F]{8}-[0-9A-F]{4}-4[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}$/);
});
