import assert from "node:assert/strict";
import { isMainModule } from "../../src/host/main_module.ts";
import { test } from "../kit/test.ts";

test("isMainModule() believes import.meta.main where there is one", () => {
  assert.equal(isMainModule({ url: "file:///x.ts", main: true }), true);
  assert.equal(isMainModule({ url: "file:///x.ts", main: false }), false);
});

test("isMainModule() asks the command line where there is none", () => {
  assert.equal(isMainModule({ url: "file:///surely/not/the/program.ts" }), false);
});
