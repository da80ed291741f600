import assert from "node:assert/strict";
import { latin1Encode } from "../../src/base/bytes.ts";
import { createMessage, loadMessage } from "../../src/mail/message.ts";
import { everyPart, parseHeader, partsOf, TreeBuilder } from "../../src/mail/parts.ts";
import { memorySource } from "../../src/mail/source.ts";
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
    ["image/png", true, ""],
  ]);
  assert.equal(parts[6]!.header.get("Subject"), "inner");
});

test("a message cut at any octet still falls into parts, and no more text is held than the limit says", async () => {
  const bytes = message(REPORT).bytes()!;
  for (let at = 0; at <= bytes.length; at++) {
    const builder = new TreeBuilder();
    builder.add(bytes.slice(0, at));
    const text = [...everyPart(builder.finish())].map((part) => part.isAttachment ? "" : part.text()).join("");
    assert.ok(text.length <= 2 * at + 8);
  }
  const long = await partsOf(message("Subject: x\n\n0123456789"), 4);
  assert.deepEqual([long.text(), long.cut], ["0123", true]);
  const fits = await partsOf(message("Subject: x\n\n0123"), 4);
  assert.deepEqual([fits.text(), fits.cut], ["0123", false]);
});

test("[row 141] texts are Unicode whatever their charset and encoding; a charset nobody knows is told of, and no octet is lost", async () => {
  const part = (type: string, encoding: string, body: string) =>
    `--b\r\nContent-Type: ${type}\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n${body}\r\n`;
  const octets = latin1Encode(
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n" +
      part("text/plain; charset=ISO-8859-1", "8bit", "caf\xe9") +
      part('text/html; charset="utf-8"', "base64", "R3LDvMOf\r\nZQ==") +
      part("text/plain; charset=koi8-r", "quoted-printable", "=F0=D2") +
      part("text/plain; charset=klingon", "8bit", "Qap\xe9") +
      part("text/plain", "8bit", "no charset: Gr\xc3\xbc\xc3\x9fe") +
      "--b--\r\n",
  );
  const root = await partsOf(createMessage(memorySource(octets)));
  assert.deepEqual(root.children.map((child) => [child.text(), child.charset, child.charsetKnown]), [
    ["caf\u00e9", "iso-8859-1", true],
    ["Gr\u00fc\u00dfe", "utf-8", true],
    ["\u041f\u0440", "koi8-r", true],
    ["Qap\u00e9", "klingon", false],
    ["no charset: Gr\u00fc\u00dfe", "", true],
  ]);
  assert.deepEqual(root.children.map(({ encoding }) => encoding), [
    "8bit",
    "base64",
    "quoted-printable",
    "8bit",
    "8bit",
  ]);
});

test("an attachment is read from where the message lies, decoded, also when header fields were added in front", async () => {
  const text = `Content-Type: multipart/mixed; boundary=b

--b

text
--b
Content-Type: application/pdf; name="=?utf-8?q?Pl=C3=A4ne.pdf?="
Content-Disposition: attachment; filename*=utf-8''Pl%C3%A4ne%20A.pdf
Content-Transfer-Encoding: base64

aGVs
bG8=
--b
Content-Disposition: attachment; filename="=?utf-8?q?x=C3=A4.eml?="
Content-Type: message/rfc822

Subject: in

side
--b--
`;
  const inMemory = message(text);
  const bytes = inMemory.bytes()!;
  const onDisk = await loadMessage({ size: bytes.length, open: (from) => memorySource(bytes).open(from) });
  onDisk.header.addLeading("Received", "here");
  for (const mail of [inMemory, onDisk]) {
    const [, pdf, eml] = (await partsOf(mail)).children;
    assert.deepEqual([pdf!.filename, pdf!.isAttachment, pdf!.text()], ["Pl\u00e4ne A.pdf", true, ""]);
    for (let twice = 0; twice < 2; twice++) assert.equal(await new Response(pdf!.open()).text(), "hello");
    assert.equal(eml!.filename, "x\u00e4.eml");
    assert.equal(await new Response(eml!.open()).text(), "Subject: in\r\n\r\nside");
  }
  const builder = new TreeBuilder();
  builder.add(bytes);
  assert.throws(() => builder.finish().children[1]!.open(), /was not kept/);
});

test("a message that somebody encoded is looked into nevertheless", async () => {
  const inner = btoa(
    "Content-Type: multipart/mixed; boundary=i\r\n\r\n--i\r\nContent-Type: application/x-evil; name=a.exe\r\n\r\nMZ\r\n--i--\r\n",
  );
  const root = await partsOf(message(`Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n${inner}\n`));
  const evil = [...everyPart(root)].find((part) => part.filename === "a.exe")!;
  assert.equal(await new Response(evil.open()).text(), "MZ");
});

test("[row 150] nesting without end, ten thousand parts, a boundary without lines and odd charsets do no harm", async () => {
  let deep = "text";
  for (let i = 0; i < 150; i++) deep = `Content-Type: multipart/mixed; boundary=b${i}\n\n--b${i}\n${deep}\n--b${i}--\n`;
  const found = [...everyPart(await partsOf(message(deep)))];
  assert.equal(found.length, 101);
  assert.match(found[100]!.text(), /text/);
  const many = `Content-Type: multipart/mixed; boundary=b\n\n${"--b\n\nx\n".repeat(10_000)}--b--\n`;
  assert.equal([...everyPart(await partsOf(message(many)))].length, 10_000);
  const none = await partsOf(message("Content-Type: multipart/mixed; boundary=b\n\nnothing\n"));
  assert.deepEqual([none.children.length, none.text()], [0, ""]);
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

test("all names of a part are told, encoded words read and as they stand, the one that counts first", async () => {
  const part = await partsOf(message(`Content-Type: application/octet-stream; name="evil.exe"
Content-Disposition: attachment; filename="=?utf-8?q?g=C3=BCt.txt?="

x
`));
  assert.equal(part.filename, "g\u00fct.txt");
  assert.deepEqual(part.filenames, ["g\u00fct.txt", "evil.exe", "=?utf-8?q?g=C3=BCt.txt?="]);
  assert.deepEqual((await partsOf(message("Subject: x\n\nx\n"))).filenames, []);
});
