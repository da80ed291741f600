import assert from "node:assert/strict";
import { submissionKey } from "../../src/hooks/submission_key.ts";
import { test } from "../kit/test.ts";

test("a submission's key is another one for another user, sender or name, and short whatever was given", async () => {
  const keys = await Promise.all([
    submissionKey("user a", "s@x.test", "1"),
    submissionKey("user b", "s@x.test", "1"),
    submissionKey("user a", "t@x.test", "1"),
    submissionKey("user a", "s@x.test", "2"),
    submissionKey("user a", "s@x.test1", ""),
    submissionKey("user a", "s@x.test", "é".repeat(10_000)),
  ]);
  assert.equal(new Set(keys).size, keys.length);
  for (const key of keys) assert.equal(key.length, 24);
  assert.equal(keys[0], await submissionKey("user a", "s@x.test", "1"));
});
