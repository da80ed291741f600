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

test("plain JavaScript may give words that are none, and its verdict still stands", () => {
  const said = (text: unknown) => (deny(text as string).reply as { text?: unknown }).text;
  assert.equal(said(new Error("no such user")), "no such user");
  assert.equal(said(42), "42");
  assert.equal(said(null), undefined);
  assert.deepEqual(said(["a", 1]), ["a", "1"]);
  assert.deepEqual(ok(new Error("fine") as unknown as string), { kind: "ok", text: "fine" });
});
