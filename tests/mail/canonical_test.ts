import assert from "node:assert/strict";
import { concat, latin1Decode, latin1Encode } from "../../src/base/bytes.ts";
import { canonical } from "../../src/mail/canonical.ts";
import { test } from "../kit/test.ts";

const CASES: readonly (readonly [given: string, plain: string, unstuffed: string])[] = [
  ["", "", ""],
  ["a\nb\r\nc", "a\r\nb\r\nc", "a\r\nb\r\nc"],
  ["\n\n", "\r\n\r\n", "\r\n\r\n"],
  ["a\rb\r\r\n", "a\rb\r\r\n", "a\rb\r\r\n"],
  ["..a\n...\n.\n.b\nc..\n..", "..a\r\n...\r\n.\r\n.b\r\nc..\r\n..", ".a\r\n..\r\n.\r\n.b\r\nc..\r\n."],
  ["....\r\n..\r\n", "....\r\n..\r\n", "...\r\n.\r\n"],
];

test("line ends become CRLF, and stuffed dots single, however the content is cut", () => {
  for (const [given, plain, unstuffed] of CASES) {
    const octets = latin1Encode(given);
    for (let cut = 0; cut <= octets.length; cut++) {
      for (const [stuffed, wanted] of [[false, plain], [true, unstuffed]] as const) {
        const next = canonical(stuffed);
        const got = concat([next(octets.subarray(0, cut)), next(octets.subarray(cut))]);
        assert.equal(latin1Decode(got), wanted, `${JSON.stringify(given)} cut at ${cut}, stuffed: ${stuffed}`);
        const single = canonical(stuffed);
        assert.equal(latin1Decode(concat([...octets].map((one) => single(Uint8Array.of(one))))), wanted);
      }
    }
  }
});
