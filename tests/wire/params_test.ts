import assert from "node:assert/strict";
import { formatParameters, isFlag, parseParameters, readAuth, readBody, readSize } from "../../src/wire/params.ts";
import { test } from "../kit/test.ts";

test("parameters become a map with upper-case keys, in order", () => {
  assert.deepEqual([...parseParameters(" size=12  Body=8bitmime SMTPUTF8 ")!], [["SIZE", "12"], ["BODY", "8bitmime"], [
    "SMTPUTF8",
    null,
  ]]);
  assert.equal(parseParameters("")!.size, 0);
  assert.deepEqual([...parseParameters("xx A=1", 2)!], [["A", "1"]]);
  assert.deepEqual([...parseParameters("ENVID=a+3Db ORCPT=utf-8;ü@x")!], [["ENVID", "a+3Db"], ["ORCPT", "utf-8;ü@x"]]);
});

test("malformed and repeated parameters are refused", () => {
  for (
    const text of ["=1", "A=", "A=1=2", "-A=1", "A_B=1", "A=\u0001", "A=\u007f", "A=1 a", "A\tB", "ü=1", "A=1\tB=2"]
  ) {
    assert.equal(parseParameters(text), undefined, text);
  }
});

test("formatting and reading are inverses", () => {
  for (const text of ["", " SIZE=1", " A B=2 C"]) assert.equal(formatParameters(parseParameters(text)!), text);
});

test("SIZE is a number of up to 20 digits", () => {
  assert.equal(readSize("0"), 0);
  assert.equal(readSize("12345"), 12345);
  assert.equal(readSize("99999999999999999999"), 1e20);
  for (const value of [null, "", "-1", "1.5", "1e3", "999999999999999999999", "x"]) {
    assert.equal(readSize(value), undefined);
  }
});

test("BODY, SMTPUTF8 and AUTH have their forms", () => {
  assert.equal(readBody("8bitmime"), "8BITMIME");
  assert.equal(readBody("7BIT"), "7BIT");
  assert.equal(readBody("BINARYMIME"), "BINARYMIME");
  assert.equal(readBody("9BIT"), undefined);
  assert.equal(readBody(null), undefined);
  assert.equal(isFlag(null), true);
  assert.equal(isFlag("1"), false);
  assert.equal(readAuth("<>"), "");
  assert.equal(readAuth("e+3Dmc2@example.com"), "e=mc2@example.com");
  assert.equal(readAuth("a+3"), undefined);
  assert.equal(readAuth(null), undefined);
});
