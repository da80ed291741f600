import assert from "node:assert/strict";
import type { Bytes } from "../../src/base/bytes.ts";
import { latin1Encode, utf8Encode } from "../../src/base/bytes.ts";
import { type TextPart, textParts, type TextPartsOptions } from "../../src/mail/text_parts.ts";
import { test } from "../kit/test.ts";

const openerOf = (bytes: Bytes, size: number) => ({
  open: () =>
    new ReadableStream<Bytes>({
      start(controller) {
        for (let i = 0; i < bytes.length; i += size) controller.enqueue(bytes.slice(i, i + size));
        controller.close();
      },
    }),
});
/** The parts, the same whether the message comes whole, in pieces or octet by octet. */
async function parts(source: string | Bytes, options?: TextPartsOptions): Promise<TextPart[]> {
  const bytes = typeof source === "string" ? utf8Encode(source.replace(/\r?\n/g, "\r\n")) : source;
  const read = async (size: number) => await Array.fromAsync(textParts(openerOf(bytes, size), options));
  const whole = await read(bytes.length);
  for (const size of [1, 7]) assert.deepEqual(await read(size), whole, `in pieces of ${size}`);
  return whole;
}
const texts = async (source: string | Bytes) => (await parts(source)).map(({ text }) => text.trimEnd());

test("a message without MIME is one text", async () => {
  assert.deepEqual(await parts("Subject: x\n\nHello\nthere\n"), [{
    type: "text/plain",
    text: "Hello\r\nthere\r\n",
    cut: false,
  }]);
  assert.deepEqual(await texts("Subject: x\n\nno line end"), ["no line end"]);
  assert.deepEqual(await parts(""), []);
  assert.deepEqual(await parts("Subject: only\n"), []);
});

test("texts are decoded: base64, quoted-printable, charsets", async () => {
  const head = (encoding: string, charset: string) =>
    `Content-Type: text/plain;\n charset="${charset}"\nContent-Transfer-Encoding: ${encoding}\n\n`;
  assert.deepEqual(await texts(`${head("base64", "utf-8")}R3LDvMOf\nZQ==\n`), ["Grüße"]);
  assert.deepEqual(await texts(`${head("BASE64", "koi8-r")}8NLJ18XU\n`), ["Привет"]);
  assert.deepEqual(await texts(`${head("Quoted-Printable", "iso-8859-1")}Gr=FC=DFe=\n zu = Hause=2\n`), [
    "Grüße zu = Hause=2",
  ]);
  assert.deepEqual(await texts(latin1Encode("Subject: x\r\n\r\nGr\xfc\xdfe\r\n")), ["Grüße"]);
  assert.deepEqual(await texts("Content-Type: text/plain; charset=us-ascii\n\nGrüße\n"), ["Grüße"]);
  assert.deepEqual(await texts("Content-Type: text/plain; charset=x-unknown\n\nplain\n"), ["plain"]);
  assert.deepEqual(await texts(`${head("base64", "utf-8")}!!not base64!!\n`).then((all) => all.length), 1);
});

const MULTIPART = `Content-Type: multipart/mixed; boundary="outer"

preamble
--outer
Content-Type: multipart/alternative; boundary=inner

--inner

plain text
--inner  
Content-Type: text/html

<p>html</p>
--inner--
epilogue
--outer
Content-Type: text/plain
Content-Disposition: attachment; filename=a.txt

attached
--outer
Content-Type: image/png
Content-Transfer-Encoding: base64

iVBORw0KGgo=
--outer
Content-Type: message/rfc822

Subject: within

forwarded
--outerwear
--outer--
trailer
`;

test("texts are found in multiparts, attachments and pictures are not texts", async () => {
  assert.deepEqual((await parts(MULTIPART)).map(({ type, text }) => [type, text.trimEnd()]), [
    ["text/plain", "plain text"],
    ["text/html", "<p>html</p>"],
    ["message/rfc822", "Subject: within\r\n\r\nforwarded\r\n--outerwear"],
  ]);
});

test("an outer boundary ends an inner multipart that was not closed, and an end that is missing is the end", async () => {
  const broken = MULTIPART.replace("--inner--\nepilogue\n", "").replace("--outer--\ntrailer\n", "");
  assert.equal((await parts(broken)).length, 3);
  const headless = "Content-Type: multipart/mixed\n\n--x\n\nseen as it stands\n";
  assert.deepEqual(await texts(headless), ["--x\r\n\r\nseen as it stands"]);
});

test("depth and size are bounded", async () => {
  let deep = "";
  for (let i = 0; i < 150; i++) deep += `Content-Type: multipart/mixed; boundary=b${i}\n\n--b${i}\n`;
  const found = await texts(`${deep}\nbottom\n`);
  assert.equal(found.length, 1);
  assert.match(found[0]!, /bottom$/);

  const [long] = await parts(`Subject: x\n\n${"y".repeat(1000)}\n`, { partLimit: 100 });
  assert.deepEqual([long?.text, long?.cut], ["y".repeat(100), true]);
  const oneLine = utf8Encode(`Subject: x\r\n\r\n${"z".repeat(300_000)}`);
  const [line] = await Array.fromAsync(textParts(openerOf(oneLine, 10_000)));
  assert.deepEqual([line?.text.length, line?.cut], [300_000, false]);
});

test("the stream is let go of when the caller stops", async () => {
  let cancelled = false;
  const source = {
    open: () =>
      new ReadableStream<Bytes>({
        pull: (controller) =>
          controller.enqueue(utf8Encode("Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n\n")),
        cancel: () => void (cancelled = true),
      }),
  };
  for await (const { text } of textParts(source)) {
    assert.equal(text.trimEnd(), "one");
    break;
  }
  assert.equal(cancelled, true);
});
