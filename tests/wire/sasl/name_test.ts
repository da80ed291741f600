import assert from "node:assert/strict";
import { decodeName, encodeName } from "../../../src/wire/sasl/name.ts";
import { test } from "../../kit/test.ts";

test("names come back as they went, and a stray equals sign is refused", () => {
  for (const name of ["", "tim", "a,b=c", "=2C", "=3D,"]) assert.equal(decodeName(encodeName(name)), name);
  for (const bad of ["a=b", "=", "=2c", "x=2"]) assert.equal(decodeName(bad), undefined, bad);
});
