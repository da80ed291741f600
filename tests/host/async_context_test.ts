import assert from "node:assert/strict";
import { AsyncContext } from "../../src/host/async_context.ts";
import { test } from "../kit/test.ts";

test("a value follows its call through what it awaits, and no other call sees it", async () => {
  const context = new AsyncContext<string>();
  const seen: (string | undefined)[] = [];
  const body = async () => {
    seen.push(context.get());
    await Promise.resolve();
    seen.push(context.get());
  };
  await Promise.all([context.run("one", body), context.run("two", body), body()]);
  assert.deepEqual(seen, ["one", "two", undefined, "one", "two", undefined]);
  assert.equal(context.get(), undefined);
});
