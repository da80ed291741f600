import assert from "node:assert/strict";
import { answer, defer, deny, hangUp, isRefusal, ok } from "../../src/hooks/verdict.ts";
import { test } from "../kit/test.ts";

test("verdicts are plain values that hold what was said and nothing else", () => {
  assert.deepEqual(ok(), { kind: "ok" });
  assert.deepEqual(ok("Welcome"), { kind: "ok", text: "Welcome" });
  assert.deepEqual(answer(7), { kind: "answer", value: 7 });
  assert.deepEqual(deny(), { kind: "deny", reply: {} });
  assert.deepEqual(deny(["a", "b"]), { kind: "deny", reply: { text: ["a", "b"] } });
  assert.deepEqual(defer("later", { code: 451, enhanced: "4.7.1" }), {
    kind: "defer",
    reply: { code: 451, enhanced: "4.7.1", text: "later" },
  });
  assert.deepEqual(deny("out", { hangUp: true }), { kind: "deny", reply: { text: "out" }, hangUp: true });
  assert.deepEqual(deny("stay", { hangUp: false }), { kind: "deny", reply: { text: "stay" } });
});

test("deny, defer and hangUp are refusals; ok and answer are not", () => {
  assert.deepEqual([deny(), defer(), hangUp(), ok(), answer(1)].map(isRefusal), [true, true, true, false, false]);
});
