import assert from "node:assert/strict";
import { parseLevel } from "../../src/log/level.ts";
import { LEVELS } from "../../src/log/types.ts";
import { test } from "../kit/test.ts";

test("a level is read by name, by number and in the LOGINFO style, in any case", () => {
  for (const [name, number] of Object.entries(LEVELS)) {
    for (
      const text of [name, name.toLowerCase(), String(number), `LOG${name}`, `log${name.toLowerCase()}`, ` ${name}\n`]
    ) {
      assert.equal(parseLevel(text), name, text);
    }
  }
  for (const text of ["", "loud", "10", "-1", "LOG", "toString"]) assert.equal(parseLevel(text), undefined, text);
});
