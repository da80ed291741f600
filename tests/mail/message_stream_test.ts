import assert from "node:assert/strict";
import { type Bytes, concat, latin1Decode, utf8Encode } from "../../src/base/bytes.ts";
import { createMessage, loadMessage } from "../../src/mail/message.ts";
import { chunksOf, type MessageForm, messageStream } from "../../src/mail/message_stream.ts";
import { memorySource } from "../../src/mail/source.ts";
import { test } from "../kit/test.ts";

const TEXT = "Subject: x\r\n\r\n.dot\r\n..two\r\na\r\n.\r\nlast";
const message = () => {
  const made = createMessage(memorySource(utf8Encode(TEXT)));
  made.header.add("X-Added", "y");
  return made;
};
const EDITED = TEXT.replace("\r\n\r\n", "\r\nX-Added: y\r\n\r\n");

async function read(form?: MessageForm): Promise<string> {
  return await new Response(messageStream(message(), form)).text();
}

test("[row 146] every form of a message, octet for octet", async () => {
  assert.equal(await read(), EDITED);
  assert.equal(await read({ lineEndings: "\n" }), EDITED.replaceAll("\r\n", "\n"));
  assert.equal(await read({ dotStuffing: true }), EDITED.replace(/^\./gm, ".."));
  assert.equal(await read({ dotStuffing: true, endingDot: true }), `${EDITED.replace(/^\./gm, "..")}\r\n.\r\n`);
  assert.equal(await read({ endingDot: true, lineEndings: "\n" }), `${EDITED.replaceAll("\r\n", "\n")}\n.\n`);
  assert.equal(await read({ skipHeaders: true }), ".dot\r\n..two\r\na\r\n.\r\nlast");
});

test("[row 146] chunks of a size, and clamd's with their lengths in front and a zero behind", async () => {
  const chunks: Bytes[] = [];
  for await (const chunk of messageStream(message(), { chunkSize: 10 })) chunks.push(chunk);
  assert.equal(latin1Decode(concat(chunks)), EDITED);
  assert.deepEqual(chunks.map(({ length }) => length), [
    ...Array(Math.floor(EDITED.length / 10)).fill(10),
    EDITED.length % 10,
  ]);

  const stream: Bytes[] = [];
  for await (const chunk of messageStream(message(), { chunkSize: 10, clamd: true })) stream.push(chunk);
  const octets = concat(stream);
  let text = "";
  const lengths: number[] = [];
  for (let at = 0; at < octets.length;) {
    const length = new DataView(octets.buffer, at).getUint32(0);
    lengths.push(length);
    text += latin1Decode(octets.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  assert.equal(text, EDITED);
  assert.deepEqual(lengths, [...chunks.map(({ length }) => length), 0]);
  assert.throws(() => chunksOf(0), /wanted: 1 or more/);
});

test("forms are the same however the octets come cut", async () => {
  const bytes = utf8Encode(TEXT);
  const single = await loadMessage({
    size: bytes.length,
    open: (from = 0) => ReadableStream.from([...bytes.subarray(from)].map((one) => Uint8Array.of(one))),
  });
  for (const form of [{ lineEndings: "\n" }, { dotStuffing: true, endingDot: true }, { chunkSize: 7 }] as const) {
    assert.equal(
      await new Response(messageStream(single, form)).text(),
      await new Response(messageStream(createMessage(memorySource(bytes)), form)).text(),
    );
  }
});

test("[row 147] as many as like read a message at once, and again, and each has it whole", async () => {
  const one = message();
  const [a, b] = [messageStream(one).getReader(), messageStream(one, { chunkSize: 3 }).getReader()];
  let [textA, textB] = ["", ""];
  for (let doneA = false, doneB = false; !doneA || !doneB;) {
    const [nextA, nextB] = await Promise.all([a.read(), b.read()]);
    doneA = nextA.done;
    doneB = nextB.done;
    if (!nextA.done) textA += latin1Decode(nextA.value);
    if (!nextB.done) textB += latin1Decode(nextB.value);
  }
  assert.deepEqual([textA, textB], [EDITED, EDITED]);
  assert.equal(await new Response(one.open()).text(), EDITED);
});
