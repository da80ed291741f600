import assert from "node:assert/strict";
import { prepared, saslPrep } from "../../../src/wire/sasl/prep.ts";
import { test } from "../../kit/test.ts";

test("the examples of RFC 4013 §3", () => {
  assert.equal(saslPrep("I\u00adX"), "IX");
  assert.equal(saslPrep("user"), "user");
  assert.equal(saslPrep("USER"), "USER");
  assert.equal(saslPrep("\u00aa"), "a");
  assert.equal(saslPrep("\u2168"), "IX");
  assert.equal(saslPrep("\u0007"), undefined);
});

test("a password is the same from keyboard to keyboard", () => {
  assert.equal(saslPrep("Gru\u0308\u00a0e\ufb03"), "Gr\u00fc effi");
  for (const bad of ["\ue000", "\ud800", "a\u202eb", "\ufffd", "\u{e0041}"]) assert.equal(saslPrep(bad), undefined);
  assert.equal(prepared("\u0007"), "\u0007");
});
