import assert from "node:assert/strict";
import { PARTS } from "../../src/mailauth/package.ts";
import { readSource, sourceFiles } from "../house/source_files.ts";
import { test } from "../kit/test.ts";

test("every part that we name is there, and is a function", async () => {
  for (const [name, load] of Object.entries(PARTS)) assert.equal(typeof await load(), "function", name);
});

test("nobody imports the package but here, and here only when it is needed", () => {
  const named = sourceFiles("src", "plugins", "mod.ts").filter((file) => /["']mailauth\//.test(readSource(file)));
  assert.deepEqual(named, ["src/mailauth/package.ts"]);
  assert.doesNotMatch(readSource(named[0]!), /(?:^|\n)(?:import|export)[^;(]*["']mailauth/);
});
