import assert from "node:assert/strict";
import { createMessage } from "../../src/mail/message.ts";
import { everyPart, parseHeader, partsOf } from "../../src/mail/parts.ts";
import { message } from "../kit/fake_session.ts";
import { test } from "../kit/test.ts";

const REPORT = `Content-Type: multipart/mixed; boundary="a b"

preamble
--a b
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

caf=E9 and=\x20
 more
--a b
Content-Type: multipart/alternative; boundary=in

--in

cGxhaW4=
--in
Content-Type: text/html
Content-Transfer-Encoding: base64

PGI+aGk8L2I+
--in--
--a b  
Content-Type: message/rfc822

Subject: inner

inside
--a b
Content-Type: image/png

xx
--a b--
epilogue
`.replace("=\x20\n", "= \n");

test("a message falls into its parts, depth first, each with its text decoded", async () => {
  const parts = [...everyPart(await partsOf(message(REPORT)))];
  assert.deepEqual(parts.map((part) => [part.media.type, part.isAttachment, part.text()]), [
    ["multipart/mixed", false, ""],
    ["text/plain", false, "caf\u00e9 and more"],
    ["multipart/alternative", false, ""],
    ["text/plain", false, "cGxhaW4="],
    ["text/html", false, "<b>hi</b>"],
    ["message/rfc822", false, "Subject: inner\r\n\r\ninside"],
    ["text/plain", false, "inside"],
    ["image/png", true, "xx"],
  ]);
  assert.equal(parts[6]!.header.get("Subject"), "inner");
});

test("a message cut at any octet still falls into parts, and no more is read than the limit says", async () => {
  const whole = message(REPORT);
  for (let at = 0; at <= whole.size; at++) {
    const text = [...everyPart(await partsOf(whole, at))].map((part) => part.text()).join("");
    assert.ok(text.length <= at);
  }
  const bytes = new TextEncoder().encode("Subject: x\r\n\r\n0123456789");
  let read = 0;
  const streamed = createMessage({
    size: bytes.length,
    open: (from = 0) => ReadableStream.from([...bytes.subarray(from)].map((one) => (read++, Uint8Array.of(one)))),
  }, { start: bytes.subarray(0, 14) });
  assert.equal((await partsOf(streamed, 18)).text(), "0123");
});

test("nesting without end, a boundary without lines and odd charsets do no harm", async () => {
  let deep = "text";
  for (let i = 0; i < 60; i++) deep = `Content-Type: multipart/mixed; boundary=b${i}\n\n--b${i}\n${deep}\n--b${i}--\n`;
  assert.ok([...everyPart(await partsOf(message(deep)))].length <= 21);
  const many = `Content-Type: multipart/mixed; boundary=b\n\n${"--b\n\nx\n".repeat(3000)}--b--\n`;
  assert.equal([...everyPart(await partsOf(message(many)))].length, 1000);
  const none = await partsOf(message("Content-Type: multipart/mixed; boundary=b\n\nnothing\n"));
  assert.deepEqual([none.children.length, none.text()], [0, ""]);
  const odd = await partsOf(message("Content-Type: text/plain; charset=klingon\n\n\u00e4\n"));
  assert.equal(odd.text(), "\u00e4\r\n");
  await assert.rejects(
    partsOf(
      createMessage({ size: 9, open: () => ReadableStream.from([new Uint8Array(9)]) }, { start: new Uint8Array(0) }),
      99,
      AbortSignal.abort(),
    ),
  );
});

test("quoted lines of a header are read as one", () => {
  const header = parseHeader("From: =?utf-8?q?=C3=A4?= <a@b>\n folded\nDate: x\n");
  assert.equal(header.getDecoded("from"), "\u00e4 <a@b> folded");
  assert.equal(header.get("Date"), "x");
});
