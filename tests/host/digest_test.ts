import assert from "node:assert/strict";
import { newDigest } from "../../src/host/digest.ts";
import { test } from "../kit/test.ts";

test("octets in pieces have the hash of the whole", () => {
  const md5 = newDigest("md5");
  for (const piece of ["a", "", "bc"]) md5.update(new TextEncoder().encode(piece));
  assert.equal(md5.hex(), "900150983cd24fb0d6963f7d28e17f72");
  const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  assert.equal(newDigest("sha256").hex(), empty);
});
