import assert from "node:assert/strict";
import { PARTS } from "../../src/mailauth/package.ts";
import { test } from "../kit/test.ts";

test("every part that we name is there, and is a function", async () => {
  for (const [name, load] of Object.entries(PARTS)) assert.equal(typeof await load(), "function", name);
});
