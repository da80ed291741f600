import assert from "node:assert/strict";
import { notWhenAborted, whenAborted } from "../../src/base/when_aborted.ts";
import { test } from "../kit/test.ts";

test("all who wait for a signal hear of its abort once, but for those who left", () => {
  const abort = new AbortController();
  const heard: string[] = [];
  const runs = ["a", "b", "c"].map((name) => () => void heard.push(name));
  for (const run of runs) whenAborted(abort.signal, run);
  notWhenAborted(abort.signal, runs[1]!);
  notWhenAborted(new AbortController().signal, runs[0]!);
  assert.deepEqual(heard, []);
  abort.abort();
  assert.deepEqual(heard, ["a", "c"]);
  whenAborted(abort.signal, runs[1]!);
  assert.deepEqual(heard, ["a", "c", "b"]);
});
