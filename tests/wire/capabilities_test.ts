import assert from "node:assert/strict";
import { parseCapabilities } from "../../src/wire/capabilities.ts";
import { test } from "../kit/test.ts";

test("keywords, size and mechanisms are read, in any case", () => {
  const got = parseCapabilities({
    code: 250,
    text: [
      "mx.example.com at your service",
      "PIPELINING",
      "size 1000",
      "AUTH=LOGIN",
      "Auth plain LOGIN  cram-md5",
      "",
      "X-THING a b",
    ],
  });
  assert.equal(got.domain, "mx.example.com");
  assert.deepEqual([...got.keywords.keys()], ["PIPELINING", "SIZE", "AUTH", "X-THING"]);
  assert.deepEqual(got.keywords.get("X-THING"), ["a", "b"]);
  assert.equal(got.size, 1000);
  assert.deepEqual(got.auth, ["LOGIN", "PLAIN", "CRAM-MD5"]);
});

test("a size of zero, of nothing or of nonsense is no limit", () => {
  for (const line of ["SIZE 0", "SIZE", "SIZE lots", "SIZE -5"]) {
    assert.equal(parseCapabilities({ code: 250, text: ["x", line] }).size, undefined);
  }
});

test("a one-line answer offers nothing", () => {
  assert.deepEqual(parseCapabilities({ code: 250, text: "mx hello" }), {
    domain: "mx",
    keywords: new Map(),
    size: undefined,
    auth: [],
  });
});
