import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { latin1Encode } from "../../src/base/bytes.ts";
import { hex, hmacMd5, md5 } from "../../src/base/md5.ts";
import { test } from "../kit/test.ts";

/** RFC 1321 §A.5 */
const DIGESTS: readonly (readonly [string, string])[] = [
  ["", "d41d8cd98f00b204e9800998ecf8427e"],
  ["a", "0cc175b9c0f1b6a831c399e269772661"],
  ["abc", "900150983cd24fb0d6963f7d28e17f72"],
  ["message digest", "f96b697d7cb7938d525a2f31aaf161d0"],
  ["abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"],
  ["ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "d174ab98d277d9f5a5611c2c9f419d9f"],
  ["1234567890".repeat(8), "57edf4a22be3c955ac49da2e2107b67a"],
];

test("md5() gives the digests of RFC 1321", () => {
  for (const [text, digest] of DIGESTS) assert.equal(hex(md5(latin1Encode(text))), digest);
});

test("md5() agrees with another implementation at every length around the block size", () => {
  for (let length = 0; length < 300; length++) {
    const input = Uint8Array.from({ length }, (_, i) => (i * 7 + length) & 255);
    assert.equal(hex(md5(input)), createHash("md5").update(input).digest("hex"), `at length ${length}`);
  }
});

/** RFC 2202 §2 */
const KEYED: readonly (readonly [key: Uint8Array, data: Uint8Array, digest: string])[] = [
  [new Uint8Array(16).fill(0x0b), latin1Encode("Hi There"), "9294727a3638bb1c13f48ef8158bfc9d"],
  [latin1Encode("Jefe"), latin1Encode("what do ya want for nothing?"), "750c783e6ab0b503eaa86e310a5db738"],
  [new Uint8Array(16).fill(0xaa), new Uint8Array(50).fill(0xdd), "56be34521d144c88dbb8c733f0e8b3f6"],
  [Uint8Array.from({ length: 25 }, (_, i) => i + 1), new Uint8Array(50).fill(0xcd), "697eaf0aca3a3aea3a75164746ffaa79"],
  [new Uint8Array(16).fill(0x0c), latin1Encode("Test With Truncation"), "56461ef2342edc00f9bab995690efd4c"],
  [
    new Uint8Array(80).fill(0xaa),
    latin1Encode("Test Using Larger Than Block-Size Key - Hash Key First"),
    "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd",
  ],
  [
    new Uint8Array(80).fill(0xaa),
    latin1Encode("Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data"),
    "6f630fad67cda0ee1fb1f562db3aa53e",
  ],
];

test("hmacMd5() gives the digests of RFC 2202", () => {
  for (const [key, data, digest] of KEYED) assert.equal(hex(hmacMd5(key, data)), digest);
});

test("hmacMd5() gives the digest of RFC 2195's example, and agrees with another implementation", () => {
  const challenge = latin1Encode("<1896.697170952@postoffice.reston.mci.net>");
  assert.equal(hex(hmacMd5(latin1Encode("tanstaaftanstaaf"), challenge)), "b913a602c7eda7a495b4e6e7334d3890");
  for (const length of [1, 63, 64, 65, 200]) {
    const key = new Uint8Array(length).fill(length);
    assert.equal(hex(hmacMd5(key, challenge)), createHmac("md5", key).update(challenge).digest("hex"));
  }
});
