import assert from "node:assert/strict";
import { VERSION } from "../../src/version.ts";
import { test } from "../kit/test.ts";
import { readSource } from "./source_files.ts";

test("deno.json, package.json and the changelog know the version", () => {
  assert.equal(JSON.parse(readSource("deno.json")).version, VERSION);
  assert.equal(JSON.parse(readSource("package.json")).version, VERSION);
  assert.ok(readSource("CHANGELOG.md").includes(`## ${VERSION}`));
});
