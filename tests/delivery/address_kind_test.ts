import assert from "node:assert/strict";
import { familyOf } from "../../src/delivery/address_kind.ts";
import { test } from "../kit/test.ts";

test("addresses are told from names", () => {
  for (
    const [text, family] of [["192.0.2.1", 4], ["::1", 6], ["mx.example", 0], ["1.2.3", 0], ["10.example", 0], [
      "",
      0,
    ]] as const
  ) {
    assert.equal(familyOf(text), family, text);
  }
});
