import assert from "node:assert/strict";
import { unreachable } from "../../src/base/exhaustive.ts";
import { test } from "../kit/test.ts";

test("a value from outside the types is named", () => {
  assert.throws(
    () => unreachable({ kind: "odd" } as never),
    /Cannot handle this kind: current value is \{"kind":"odd"\}/,
  );
});
