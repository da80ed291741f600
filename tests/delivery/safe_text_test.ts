import assert from "node:assert/strict";
import { reasonOf, safeText } from "../../src/delivery/safe_text.ts";
import { test } from "../kit/test.ts";

test("a peer's text cannot break out of a line or fill the log", () => {
  assert.equal(safeText("a\r\nb\0c\x1b[31m\u0085d\u2028e ü"), "a??b?c?[31m?d?e ü");
  assert.equal(safeText("x".repeat(600)), "x".repeat(512) + "…");
  assert.equal(safeText("xxxx", 3), "xxx…");
});

test("a failure has a reason whatever was thrown", () => {
  assert.equal(reasonOf(new Error("no\nway")), "no?way");
  assert.equal(reasonOf(new TypeError()), "TypeError");
  assert.equal(reasonOf("text"), "text");
});
