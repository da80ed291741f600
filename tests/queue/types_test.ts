import assert from "node:assert/strict";
import { QUEUE_DEFAULTS } from "../../src/queue/types.ts";
import { test } from "../kit/test.ts";

test("the default intervals are Haraka's twelve, from 64 seconds to 131 072", () => {
  const { intervals } = QUEUE_DEFAULTS;
  assert.deepEqual([intervals.length, intervals[0], intervals.at(-1)], [12, 64_000, 131_072_000]);
});
