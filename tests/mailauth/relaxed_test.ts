import assert from "node:assert/strict";
import { latin1Encode } from "../../src/base/bytes.ts";
import { fieldsOf, relaxed } from "../../src/mailauth/relaxed.ts";
import { test } from "../kit/test.ts";

test("the example of RFC 6376 §3.4.5 in relaxed form", () => {
  const fields = fieldsOf(latin1Encode("A: X\r\nB : Y\t\r\n\tZ  \r\n"));
  assert.deepEqual(fields.map(({ name, key }) => [name, key]), [["A", "a"], ["B", "b"]]);
  assert.deepEqual(fields.map(({ line }) => relaxed(line)), ["a:X", "b:Y Z"]);
});

test("lines that are no field are passed over, octets stay what they are", () => {
  const fields = fieldsOf(latin1Encode("no field\r\nX: \xe9\xff\r\n: nameless\r\n"));
  assert.deepEqual(fields.map(({ line }) => line), ["X: \xe9\xff"]);
});
