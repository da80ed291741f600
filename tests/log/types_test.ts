import assert from "node:assert/strict";
import { LEVELS } from "../../src/log/types.ts";
import { test } from "../kit/test.ts";

test("the levels have Haraka's numbers", () => {
  assert.deepEqual(LEVELS, {
    EMERG: 0,
    ALERT: 1,
    CRIT: 2,
    ERROR: 3,
    WARN: 4,
    NOTICE: 5,
    INFO: 6,
    DEBUG: 7,
    PROTOCOL: 8,
    DATA: 9,
  });
});
