import assert from "node:assert/strict";
import { type Bytes, latin1Decode, utf8Encode } from "../../src/base/bytes.ts";
import { memorySource } from "../../src/mail/source.ts";
import { type Patch, spliceSource } from "../../src/mail/splice.ts";
import type { Source } from "../../src/mail/message.ts";
import { test } from "../kit/test.ts";

const patch = (from: number, to: number, text: string): Patch => ({ from, to, bytes: utf8Encode(text) });
/** As it is read from a disk: three octets at a time. */
function onDisk(text: string): Source {
  const bytes = utf8Encode(text);
  return {
    size: bytes.length,
    open: (from = 0) =>
      ReadableStream.from(
        Array.from({ length: Math.ceil((bytes.length - from) / 3) }, (_, i) =>
          bytes.slice(from + 3 * i, from + 3 * i + 3)),
      ) as ReadableStream<Bytes>,
  };
}
async function read(stream: ReadableStream<Bytes>): Promise<string> {
  let text = "";
  for await (const chunk of stream) text += latin1Decode(chunk);
  return text;
}

test("patches stand where they were put, whether the source is in memory or not, and from any offset on", async () => {
  const text = "0123456789abcdef";
  const patches = [patch(12, 13, "CCC"), patch(2, 5, "<>"), patch(7, 7, "+"), patch(8, 10, "")];
  for (const source of [memorySource(utf8Encode(text)), onDisk(text)]) {
    const spliced = spliceSource(source, patches, 1);
    const wanted = "1<>56+7abCCCdef";
    assert.equal(spliced.size, wanted.length);
    for (let from = 0; from <= wanted.length; from++) {
      assert.equal(await read(spliced.open(from)), wanted.slice(from), `from ${from}`);
    }
    // As often as one likes, at once too.
    const [a, b] = await Promise.all([read(spliced.open()), read(spliced.open())]);
    assert.deepEqual([a, b], [wanted, wanted]);
    const reader = spliced.open().getReader();
    await reader.read();
    await reader.cancel();
  }
  assert.equal(await read(spliceSource(onDisk(text), [], 16).open()), "");
});

test("patches that overlap, or lie outside, are a bug", () => {
  const source = memorySource(utf8Encode("0123456789"));
  for (const wrong of [[patch(0, 3, ""), patch(2, 4, "")], [patch(8, 11, "")], [patch(1, 0, "")]]) {
    assert.throws(() => spliceSource(source, wrong), RangeError);
  }
  assert.throws(() => spliceSource(source, [patch(1, 2, "")], 5), RangeError);
});

test("a source that ends early is an error, not a shorter message", async () => {
  const short: Source = { size: 20, open: (from) => onDisk("0123").open(from) };
  await assert.rejects(read(spliceSource(short, [patch(0, 1, "x")]).open()), /ends 16 octets early/);
});
