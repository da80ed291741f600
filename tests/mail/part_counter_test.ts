import assert from "node:assert/strict";
import { latin1Encode } from "../../src/base/bytes.ts";
import { PartCounter } from "../../src/mail/part_counter.ts";
import { test } from "../kit/test.ts";

/** LF stands for CRLF. */
const wire = (text: string) => latin1Encode(text.replaceAll("\n", "\r\n"));

function count(text: string): number {
  const bytes = wire(text);
  const whole = new PartCounter();
  whole.add(bytes);
  const single = new PartCounter();
  for (let i = 0; i < bytes.length; i++) single.add(bytes.slice(i, i + 1));
  assert.equal(single.parts, whole.parts, "octet by octet");
  for (let cut = 1; cut < bytes.length; cut++) {
    const two = new PartCounter();
    two.add(bytes.slice(0, cut));
    two.add(bytes.slice(cut));
    assert.equal(two.parts, whole.parts, `cut at ${cut}`);
  }
  return whole.parts;
}

const NESTED = `From: a@b.test
CONTENT-TYPE : Multipart/Mixed;
 boundary="=_outer 1"

Preamble
--=_outer 1
Content-Type: multipart/alternative; boundary=inner

--inner
Content-Type: text/plain

-- 
--no boundary
--inne
--innerer
--inner
Content-Type: text/html

--inner--
--inner
not a part: it has ended
--=_outer 1  
Content-Type: message/rfc822

Subject: within
Content-Type: multipart/mixed; boundary=deep

--deep
--deep

--=_outer 1--
--=_outer 1
`;

test("parts are counted at every level and in messages within, and nothing else is, at every split", () => {
  assert.equal(count(NESTED), 6);
});

test("what is no multipart has no parts", () => {
  for (
    const head of [
      "Subject: x\n",
      "Content-Type: text/plain; boundary=b\n",
      "Content-Type: multipart/mixed\n",
      'Content-Type: multipart/mixed; boundary=""\n',
      "X-Content-Type: multipart/mixed; boundary=b\n",
      "",
    ]
  ) assert.equal(count(`${head}\n--b\n\n--b\n\n--b--\n--\n`), 0, head);
});

test("the first Content-Type counts, an encoded boundary too; a boundary right behind a boundary is a part", () => {
  const body = "\n--b\n--b\n--b\n";
  assert.equal(count(`Content-Type: multipart/x; boundary=b\nContent-Type: multipart/x; boundary=c\n${body}`), 3);
  assert.equal(count(`Content-Type: multipart/x; boundary*0=b;\n\tboundary*1=''\n\n--b''\n`), 1);
  assert.equal(count(`Content-Type: multipart/x;\n\t boundary=b\n${body}--b`), 3);
});

test("bare line feeds end lines as well", () => {
  const counter = new PartCounter();
  counter.add(latin1Encode("Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b\n"));
  assert.equal(counter.parts, 2);
});

test("lines without an end and multiparts without a bottom keep nothing, and cost little", () => {
  const endless = new PartCounter();
  endless.add(wire("Content-Type: multipart/mixed; boundary=b\nX-Long: "));
  const block = new Uint8Array(65_536).fill(0x61);
  const dashes = new Uint8Array(65_536).fill(0x2d);
  for (let i = 0; i < 20; i++) endless.add(block);
  endless.add(wire("\n\n--b\n\n"));
  for (let i = 0; i < 20; i++) endless.add(dashes);
  endless.add(wire("\n--b\n"));
  assert.equal(endless.parts, 2);

  let text = "";
  for (let i = 0; i < 5000; i++) text += `Content-Type: multipart/mixed; boundary=b${i}\n\n--b${i}\n`;
  const deep = new PartCounter();
  const before = performance.now();
  deep.add(wire(text));
  assert.equal(deep.parts, 100);
  assert.ok(performance.now() - before < 1000);
});
