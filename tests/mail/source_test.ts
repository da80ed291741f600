import assert from "node:assert/strict";
import { type Bytes, concat, equalBytes, latin1Decode, latin1Encode } from "../../src/base/bytes.ts";
import { joinSource, memorySource } from "../../src/mail/source.ts";
import { test } from "../kit/test.ts";

async function drain(stream: ReadableStream<Bytes>): Promise<Bytes> {
  const parts: Bytes[] = [];
  for await (const part of stream) parts.push(part);
  return concat(parts);
}

test("a source in memory gives its octets from any offset, whole and unharmed", async () => {
  const bytes = crypto.getRandomValues(new Uint8Array(60_000));
  const big = concat([bytes, bytes, bytes, bytes]);
  const source = memorySource(big);
  assert.equal(source.size, 240_000);
  for (const from of [0, 1, 65_536, 239_999, 240_000]) {
    assert.ok(equalBytes(await drain(source.open(from)), big.subarray(from)));
  }
  assert.equal(source.bytes, big);
  assert.equal(big.byteLength, 240_000);
});

test("a joined source is its head and the rest behind the offset, from any offset", async () => {
  const source = joinSource(latin1Encode("head"), memorySource(latin1Encode("0123456789")), 3);
  const text = "head3456789";
  assert.equal(source.size, text.length);
  assert.equal(latin1Decode(source.bytes!), text);
  for (let from = 0; from <= text.length; from++) {
    assert.equal(latin1Decode(await drain(source.open(from))), text.slice(from));
  }
  const rest = memorySource(latin1Encode("x"));
  assert.equal(joinSource(new Uint8Array(0), rest), rest);
});

test("a joined source over one that is not in memory has no bytes", () => {
  const far = { size: 3, open: () => memorySource(latin1Encode("abc")).open() };
  assert.equal(joinSource(latin1Encode("h"), far).bytes, undefined);
});
