import assert from "node:assert/strict";
import { toPlugin } from "../../src/hooks/adapters.ts";
import { test } from "../kit/test.ts";

test("a default export with a name and hooks or setup is a plugin", () => {
  const withHooks = { name: "a", hooks: {} };
  const withSetup = { name: "b", setup: () => ({}) };
  assert.equal(toPlugin({ default: withHooks }, "a"), withHooks);
  assert.equal(toPlugin({ default: withSetup, more: 1 }, "b"), withSetup);
});

test("a module of another shape is refused with what it exports and what was wanted", () => {
  for (
    const module of [{}, { default: {} }, { default: { name: "x" } }, { default: () => {} }, {
      register() {},
      hook_rcpt() {},
    }]
  ) {
    assert.throws(() => toPlugin(module, "x"), /the module exports .*; wanted one of the known shapes: Kasi's/);
  }
  assert.throws(() => toPlugin({ register() {}, hook_rcpt() {} }, "x"), /exports register, hook_rcpt/);
});
