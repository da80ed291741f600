import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { type Bytes, utf8Decode, utf8Encode } from "../../src/base/bytes.ts";
import { hashMessage } from "../../src/mailauth/hash_message.ts";
import { test } from "../kit/test.ts";

const sha = (text: string) => createHash("sha256").update(text).digest("base64");
function pieces(bytes: Bytes, size: number): ReadableStream<Bytes> {
  return new ReadableStream({
    start(controller) {
      for (let i = 0; i < bytes.length; i += size) controller.enqueue(bytes.subarray(i, i + size));
      controller.close();
    },
  });
}

test("header and body are told apart wherever the stream is cut", async () => {
  const bytes = utf8Encode("From: a\r\nTo: b\r\n c\r\n\r\nHi \t there\r\n\r\nbye\r\n\r\n\r\n");
  for (let size = 1; size <= bytes.length; size++) {
    const { header, bodyHash } = await hashMessage(pieces(bytes, size), "simple");
    assert.equal(utf8Decode(header), "From: a\r\nTo: b\r\n c\r\n", `pieces of ${size}`);
    assert.equal(bodyHash, sha("Hi \t there\r\n\r\nbye\r\n"));
    assert.equal((await hashMessage(pieces(bytes, size), "relaxed")).bodyHash, sha("Hi there\r\n\r\nbye\r\n"));
  }
});

test("an empty body is a line break in the simple form, and nothing in the relaxed one", async () => {
  for (const text of ["From: a\r\n", "From: a\r\n\r\n", "From: a\r\n\r\n\r\n\r\n"]) {
    assert.equal((await hashMessage(pieces(utf8Encode(text), 5), "simple")).bodyHash, sha("\r\n"));
    assert.equal((await hashMessage(pieces(utf8Encode(text), 5), "relaxed")).bodyHash, sha(""));
  }
});

test("a header without an end is not read for ever", async () => {
  const line = utf8Encode(`X: ${"y".repeat(64 * 1024)}\r\n`);
  const endless = new ReadableStream<Bytes>({ pull: (controller) => controller.enqueue(line) });
  await assert.rejects(hashMessage(endless, "simple"), RangeError);
});
