import assert from "node:assert/strict";
import { isOctets, octetsOf } from "../../src/base/octets.ts";
import { test } from "../kit/test.ts";

const read = () => Promise.resolve(null);
const write = () => Promise.resolve(1);
const closeWrite = () => Promise.resolve();

test("a connection with both calls is its own octets; one that lacks one of them has streams only", () => {
  const conn = { read, write, closeWrite };
  assert.equal(octetsOf(conn), conn);
  assert.equal(octetsOf({ read, closeWrite }), undefined);
  assert.equal(octetsOf({ write, closeWrite }), undefined);
});

test("streams are no octets", () => {
  assert.equal(isOctets({ read, write, closeWrite }), true);
  assert.equal(isOctets(new ReadableStream()), false);
  assert.equal(isOctets(new WritableStream()), false);
});
