import assert from "node:assert/strict";
import { type Bytes, concat, latin1Decode, latin1Encode } from "../../src/base/bytes.ts";
import { createMessage, loadMessage, LONGEST_HEADER, type Message, type Source } from "../../src/mail/message.ts";
import { memorySource } from "../../src/mail/source.ts";
import { test } from "../kit/test.ts";

const TEXT = "Received: old\r\nSubject: hi\r\n\r\nbody \xff\x00\r\n.\r\n\r\nno final end";

async function drain(stream: ReadableStream<Bytes>): Promise<string> {
  const parts: Bytes[] = [];
  for await (const part of stream) parts.push(part);
  return latin1Decode(concat(parts));
}

/** As a file would be: nothing in memory, small pieces. Counts what is left open. */
function farSource(text: string, piece = 7): Source & { open: Source["open"]; unfinished: number; opened: number } {
  const bytes = latin1Encode(text);
  const source = {
    size: bytes.length,
    unfinished: 0,
    opened: 0,
    open(from = 0) {
      let at = from;
      source.opened++;
      source.unfinished++;
      return new ReadableStream<Bytes>({
        pull(controller) {
          if (at < bytes.length) controller.enqueue(bytes.slice(at, at += piece));
          else {
            source.unfinished--;
            controller.close();
          }
        },
        cancel: () => void source.unfinished--,
      });
    },
  };
  return source;
}

async function assertIs(message: Message, text: string): Promise<void> {
  assert.equal(await drain(message.open()), text);
  assert.equal(message.size, text.length);
  const { head, source, offset } = message.render();
  assert.equal(latin1Decode(head) + await drain(source.open(offset)), text);
  const bytes = message.bytes();
  if (source.bytes !== undefined) assert.equal(latin1Decode(bytes!), text);
}

test("a message nobody edits is given as it came, as often as one likes", async () => {
  const message = createMessage(memorySource(latin1Encode(TEXT)));
  await assertIs(message, TEXT);
  await assertIs(message, TEXT);
  assert.equal(message.bytes(), message.source.bytes);
  assert.equal(message.render().head.length, 0);
});

test("fields in front cost only themselves", async () => {
  const message = createMessage(memorySource(latin1Encode(TEXT)));
  message.header.addLeading("Received", "new");
  message.header.addLeading("Return-Path", "<>");
  const { head, offset } = message.render();
  assert.equal(latin1Decode(head), "Return-Path: <>\r\nReceived: new\r\n");
  assert.equal(offset, 0);
  await assertIs(message, `Return-Path: <>\r\nReceived: new\r\n${TEXT}`);
});

test("header edits show in the message at once and at the right end", async () => {
  const message = createMessage(memorySource(latin1Encode(TEXT)));
  message.header.add("X-End", "e");
  await assertIs(message, TEXT.replace("hi\r\n", "hi\r\nX-End: e\r\n"));
  message.header.addLeading("X-Top", "t");
  message.header.remove("received");
  await assertIs(message, `X-Top: t\r\n${TEXT.slice(15).replace("hi\r\n", "hi\r\nX-End: e\r\n")}`);
  message.header.remove("Subject");
  message.header.remove("X-Top");
  message.header.remove("X-End");
  await assertIs(message, TEXT.slice(TEXT.indexOf("\r\n\r\n") + 2));
});

test("a message without an empty line: field lines are the header, the rest is the body, written once [row 149]", async () => {
  const message = createMessage(memorySource(latin1Encode("Subject: a\r\n\tb\r\nplain text\r\nX: y\r\n")));
  assert.deepEqual(message.header.fields.map((field) => field.name), ["Subject"]);
  message.header.addLeading("Received", "r");
  await assertIs(message, "Received: r\r\nSubject: a\r\n\tb\r\n\r\nplain text\r\nX: y\r\n");
  const bare = createMessage(memorySource(latin1Encode("just words\r\n")));
  await assertIs(bare, "just words\r\n");
  bare.header.addLeading("Received", "r");
  await assertIs(bare, "Received: r\r\n\r\njust words\r\n");
  const all = createMessage(memorySource(latin1Encode("Subject: a\r\n")));
  all.header.addLeading("Received", "r");
  await assertIs(all, "Received: r\r\nSubject: a\r\n");
  all.header.add("X", "y");
  await assertIs(all, "Received: r\r\nSubject: a\r\nX: y\r\n\r\n");
});

test("an empty message and one that starts with its empty line take fields", async () => {
  const empty = createMessage(memorySource(new Uint8Array(0)));
  await assertIs(empty, "");
  empty.header.addLeading("A", "b");
  await assertIs(empty, "A: b\r\n");
  const headless = createMessage(memorySource(latin1Encode("\r\nbody")));
  headless.header.addLeading("A", "b");
  await assertIs(headless, "A: b\r\n\r\nbody");
  headless.header.add("C", "d");
  await assertIs(headless, "A: b\r\nC: d\r\n\r\nbody");
});

test("a source that is not in memory is read up to the end of its header, whatever the pieces", async () => {
  for (let piece = 1; piece <= 40; piece++) {
    const source = farSource(TEXT, piece);
    const message = await loadMessage(source);
    assert.equal(source.unfinished, 0, "the stream was let go");
    assert.equal(message.header.get("subject"), "hi");
    assert.equal(message.bytes(), undefined);
    message.header.remove("received");
    message.header.addLeading("A", "b");
    await assertIs(message, `A: b\r\n${TEXT.slice(15)}`);
    assert.equal(source.unfinished, 0);
  }
});

test("a start of the source serves as well as all of it", async () => {
  const message = createMessage(farSource(TEXT), { start: latin1Encode(TEXT.slice(0, 35)) });
  message.header.add("X", "y");
  await assertIs(message, TEXT.replace("hi\r\n", "hi\r\nX: y\r\n"));
  assert.throws(() => createMessage(farSource(TEXT)), /wanted loadMessage/);
});

test("a header beyond the cap is read so far and passed on whole", async () => {
  const fields = "X-Filler: some text\r\n".repeat(Math.ceil(LONGEST_HEADER / 21) + 100);
  const source = farSource(`Subject: a\r\n${fields}\r\nbody`, 64 * 1024);
  const message = await loadMessage(source);
  assert.equal(message.header.get("subject"), "a");
  message.header.remove("subject");
  message.header.addLeading("A", "b");
  await assertIs(message, `A: b\r\n${fields}\r\nbody`);
});

test("bytes() minds its limit, edits included", () => {
  const message = createMessage(memorySource(latin1Encode("A: b\r\n\r\nx")));
  assert.equal(message.bytes(9)!.length, 9);
  message.header.addLeading("C", "d");
  assert.equal(message.bytes(9), undefined);
  assert.equal(message.bytes(15)!.length, 15);
});

test("a stream that is cancelled lets go of the source", async () => {
  const source = farSource(TEXT);
  const message = await loadMessage(source);
  message.header.addLeading("A", "b");
  const reader = message.open().getReader();
  await reader.read();
  await reader.read();
  await reader.cancel();
  assert.equal(source.unfinished, 0);
});
