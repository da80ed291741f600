import assert from "node:assert/strict";
import { ALNUM, ATEXT, classOf, LDH } from "../../src/wire/chars.ts";
import { test } from "../kit/test.ts";

test("classes agree with the grammar's definitions, for every character", () => {
  for (let code = 0; code < 400; code++) {
    const char = String.fromCharCode(code);
    assert.equal((classOf(code) & ALNUM) !== 0, /^[A-Za-z0-9]$/.test(char), char);
    assert.equal((classOf(code) & LDH) !== 0, /^[A-Za-z0-9-]$/.test(char), char);
    assert.equal((classOf(code) & ATEXT) !== 0, /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]$/.test(char), char);
  }
});
