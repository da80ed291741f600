import assert from "node:assert/strict";
import { concat, latin1Decode, latin1Encode } from "../../src/base/bytes.ts";
import { contentChunks, isEightBit, wholeContent } from "../../src/delivery/content.ts";
import { memorySource } from "../../src/mail/source.ts";
import { test } from "../kit/test.ts";

const rendered = (head: string, body: string, offset = 0) => ({
  head: latin1Encode(head),
  source: memorySource(latin1Encode(body)),
  offset,
});

test("a message in one buffer and the same in chunks are the same octets, wherever head and body meet", async () => {
  const text = "A: b\r\n\r\n.\r\n..\r\nx.y\r\n.z";
  for (let cut = 0; cut <= text.length; cut++) {
    const one = rendered(text.slice(0, cut), "skipped" + text.slice(cut), 7);
    const parts: Uint8Array[] = [];
    const chunks = contentChunks(one);
    let next = await chunks.next();
    for (; !next.done; next = await chunks.next()) parts.push(next.value);
    parts.push(next.value);
    assert.equal(latin1Decode(wholeContent(one)!), "A: b\r\n\r\n..\r\n...\r\nx.y\r\n..z\r\n.\r\n", `cut at ${cut}`);
    assert.deepEqual(concat(parts), wholeContent(one));
  }
});

test("what is large or not in memory is not copied into one buffer", () => {
  assert.equal(wholeContent(rendered("", "x".repeat(300_000))), undefined);
  const { bytes: _bytes, ...stored } = memorySource(latin1Encode("x"));
  assert.equal(wholeContent({ head: latin1Encode(""), source: stored, offset: 0 }), undefined);
  assert.equal(isEightBit({ head: latin1Encode(""), source: stored, offset: 0 }), true);
});

test("one octet above 127 is found wherever it stands", () => {
  for (let length = 0; length < 20; length++) {
    assert.equal(isEightBit(rendered("a".repeat(length % 5), "b".repeat(length))), false);
    for (let at = 0; at < length; at++) {
      const body = "b".repeat(at) + "\xff" + "b".repeat(length - at - 1);
      assert.equal(isEightBit(rendered("", body)), true, `${at} of ${length}`);
      assert.equal(isEightBit(rendered("", body, at + 1)), false, `skipped ${at} of ${length}`);
      assert.equal(isEightBit(rendered(body, "")), true);
    }
  }
});
