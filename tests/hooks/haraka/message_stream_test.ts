import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { MessageStreamFace, type StreamOptions } from "../../../src/hooks/haraka/message_stream.ts";
import { commonJs } from "../../../src/host/commonjs.ts";
import { createMessage } from "../../../src/mail/message.ts";
import { test } from "../../kit/test.ts";

const TEXT = "Subject: x\r\n\r\n.one\r\n..two\r\nthree.\r\n";

/** Comes in pieces of `size` octets. */
function stream(size: number, text = TEXT): MessageStreamFace {
  const bytes = new TextEncoder().encode(text);
  const message = createMessage({
    size: bytes.length,
    bytes,
    open: (from = 0) =>
      ReadableStream.from((function* () {
        for (let at = from; at < bytes.length; at += size) yield bytes.slice(at, at + size);
      })()) as ReadableStream<Uint8Array<ArrayBuffer>>,
  });
  return new MessageStreamFace(() => message, commonJs);
}

const read = (size: number, options: StreamOptions) =>
  new Promise<string>((resolve) => stream(size).get_data(options, (data) => resolve(data.toString())));

test("every form of the message, whatever pieces it comes in", async () => {
  const FORMS: readonly [StreamOptions, string][] = [
    [{}, TEXT],
    [{ dot_stuffed: true }, TEXT],
    [{ dot_stuffed: false }, "Subject: x\r\n\r\n..one\r\n...two\r\nthree.\r\n"],
    [{ dot_stuffing: true, ending_dot: true }, "Subject: x\r\n\r\n..one\r\n...two\r\nthree.\r\n.\r\n"],
    [{ line_endings: "\n" }, TEXT.replaceAll("\r\n", "\n")],
    [{ line_endings: "\n", ending_dot: true }, TEXT.replaceAll("\r\n", "\n") + ".\n"],
    [{ skip_headers: true }, ".one\r\n..two\r\nthree.\r\n"],
    [{ skip_headers: true, dot_stuffed: false }, "..one\r\n...two\r\nthree.\r\n"],
  ];
  for (const [options, wanted] of FORMS) {
    for (const size of [1, 2, 3, 5, 13, 1000]) {
      assert.equal(await read(size, options), wanted, JSON.stringify(options) + size);
    }
  }
  assert.equal(await read(1000, { clamd_style: true }), `\0\0\0${String.fromCharCode(TEXT.length)}${TEXT}\0\0\0\0`);
});

test("it is piped into a Node stream, one at a time, and again afterwards", async () => {
  const face = stream(4);
  for (let i = 0; i < 2; i++) {
    const pieces: Uint8Array[] = [];
    const into = new Writable({ write: (chunk, _, done) => void (pieces.push(chunk), done()) });
    const over = new Promise((resolve) => into.once("finish", resolve));
    face.pipe(into);
    assert.throws(() => face.pipe(into), /currently piping/);
    await over;
    assert.equal(pieces.map(String).join(""), TEXT);
    await new Promise((resolve) => setTimeout(resolve));
  }
});
