import assert from "node:assert/strict";
import { onUncaught } from "../../src/host/uncaught.ts";
import { test } from "../kit/test.ts";

test("onUncaught() hears of a rejection nobody awaits, and the process lives on", async () => {
  const heard: unknown[] = [];
  const stop = onUncaught((reason) => heard.push(reason));
  const fault = new Error("nobody awaits this");
  Promise.reject(fault);
  await new Promise((resolve) => setTimeout(resolve, 20));
  stop();
  assert.deepEqual(heard, [fault]);
});
