import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { type Bytes, utf8Encode } from "../../src/base/bytes.ts";
import { memorySource } from "../../src/mail/source.ts";
import { feed } from "../../src/mailauth/feed.ts";
import { test } from "../kit/test.ts";

test("all of a stream arrives, in order, and the sink is ended", async () => {
  const bytes = utf8Encode("0123456789".repeat(20_000));
  const got: Uint8Array[] = [];
  const sink = new Writable({ highWaterMark: 10, write: (chunk, _encoding, done) => (got.push(chunk), done()) });
  await feed(memorySource(bytes).open(), sink);
  assert.ok(sink.writableFinished);
  assert.equal(new TextDecoder().decode(await new Blob(got as Bytes[]).arrayBuffer()), new TextDecoder().decode(bytes));
});

test("a sink that fails rejects, and the stream is cancelled", async () => {
  let cancelled = false;
  const from = new ReadableStream<Bytes>({
    pull: (controller) => controller.enqueue(utf8Encode("x")),
    cancel: () => void (cancelled = true),
  });
  const sink = new Writable({ write: (_chunk, _encoding, done) => done(new Error("no more room")) });
  await assert.rejects(feed(from, sink), /no more room/);
  assert.ok(cancelled);
});
