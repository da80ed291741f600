import assert from "node:assert/strict";
import { latin1Decode, latin1Encode } from "../../src/base/bytes.ts";
import { findHeaderEnd, HeaderBlock } from "../../src/mail/header_block.ts";
import { test } from "../kit/test.ts";

function block(text: string): HeaderBlock {
  const bytes = latin1Encode(text);
  return new HeaderBlock(() => bytes);
}
const written = (header: HeaderBlock) => latin1Decode(header.toBytes());

test("the end of the header is the first empty line", () => {
  const find = (text: string, whole = true) => findHeaderEnd(latin1Encode(text), whole);
  assert.deepEqual(find("A: b\r\n\r\nbody"), { fields: 6, body: 8, separator: "found" });
  assert.deepEqual(find("\r\nbody"), { fields: 0, body: 2, separator: "found" });
  assert.deepEqual(find("A: b\n\nbody"), { fields: 5, body: 6, separator: "found" });
  assert.deepEqual(find(""), { fields: 0, body: 0, separator: "missing" });
  assert.deepEqual(find("A: b\r\nC: d\r\n", false), { fields: 12, body: 12, separator: "beyond" });
});

test("without an empty line the body starts at the first line that is neither a field nor a continuation", () => {
  const text = "A: b\r\n folded\r\nC: d\r\nplain words\r\nE: f\r\n";
  const end = findHeaderEnd(latin1Encode(text), true);
  assert.deepEqual(end, { fields: 21, body: 21, separator: "missing" });
  assert.deepEqual(findHeaderEnd(latin1Encode(" x\r\n"), true), { fields: 0, body: 0, separator: "missing" });
});

test("fields keep their order, their case and their raw value", () => {
  const header = block("Received: one\r\n\ttwo\r\nSUBJECT:  Hi \r\nX-Empty:\r\nreceived: three\r\n");
  assert.deepEqual(header.fields.map((field) => [field.name, field.value]), [
    ["Received", " one\r\n\ttwo"],
    ["SUBJECT", "  Hi "],
    ["X-Empty", ""],
    ["received", " three"],
  ]);
  assert.deepEqual(header.getAll("RECEIVED"), ["one\ttwo", "three"]);
  assert.equal(header.get("subject"), "Hi");
  assert.equal(header.get("x-empty"), "");
  assert.equal(header.get("missing"), undefined);
  assert.equal(header.has("Subject"), true);
  assert.equal(header.has("Sub"), false);
});

test("get, get_all and get_decoded read folded, encoded and extended values [row 139]", () => {
  const header = block(
    "Subject: =?utf-8?Q?Gr=C3=BC?=\r\n =?UTF-8?B?w59l?= all\r\nSubject: second\r\n" +
      "Content-Disposition: attachment; filename*=utf-8''%e2%82%ac.txt\r\n" +
      "Content-Type: text/plain; name*0*=iso-8859-1''caf; name*1*=%e9; name*2=\".txt\"\r\n",
  );
  assert.equal(header.getDecoded("subject"), "Grüße all");
  assert.equal(header.get("subject"), "=?utf-8?Q?Gr=C3=BC?= =?UTF-8?B?w59l?= all");
  assert.deepEqual(header.getAll("subject"), ["=?utf-8?Q?Gr=C3=BC?= =?UTF-8?B?w59l?= all", "second"]);
  assert.equal(header.getDecoded("content-disposition"), 'attachment; filename="€.txt"');
  assert.equal(header.getDecoded("content-type"), 'text/plain; name="café.txt"');
});

test("octets beyond ASCII are read as UTF-8, else as Latin-1", () => {
  assert.equal(block("Subject: gr\xc3\xbcn\r\n").get("subject"), "grün");
  assert.equal(block("Subject: gr\xfcn\r\n").get("subject"), "grün");
});

test("untouched fields and lines that are no field keep their octets through any edit", () => {
  const junk = "From me@here Mon\r\n";
  const header = block(`${junk}A : odd\r\nB:no blank\xff\r\n\t folded\r\nC: c\r\n`);
  header.remove("c");
  header.add("D", "d");
  header.addLeading("E", "e");
  header.addLeading("F", "f");
  assert.equal(written(header), `F: f\r\nE: e\r\n${junk}A : odd\r\nB:no blank\xff\r\n\t folded\r\nD: d\r\n`);
  assert.deepEqual(header.fields.map((field) => field.name), ["F", "E", "A", "B", "D"]);
});

test("remove takes every field of the name, wherever it came from", () => {
  const header = block("X: 1\r\nY: 2\r\nx: 3\r\n\tmore\r\n");
  header.addLeading("x", "lead");
  header.add("X", "end");
  header.remove("X");
  assert.equal(written(header), "Y: 2\r\n");
  assert.equal(header.leadingSize, 0);
  header.remove("nothing");
  assert.equal(written(header), "Y: 2\r\n");
});

test("a field in front is added without a look at the header", () => {
  const header = new HeaderBlock(() => {
    throw new Error("looked");
  });
  header.addLeading("Received", "from here");
  assert.equal(latin1Decode(header.leading()[0]!), "Received: from here\r\n");
  assert.equal(header.restEdited, false);
  assert.throws(() => header.get("Subject"), /looked/);
});

test("a field added behind a last line without its end does not stick to it", () => {
  const header = block("A: b");
  header.add("C", "d");
  assert.equal(written(header), "A: b\r\nC: d\r\n");
});

test("asking an unparsed block gives what asking a parsed one gives", () => {
  const texts = [
    "Subject: a\r\nDate : b\r\n\tc\r\nno field\r\n Date: d\r\nX-Date: e\r\ndate:\r\nMessage-ID:<1@x>\r\n",
    "Dates: x\r\nDat: y\r\nDate\r\nDate x: z\r\n",
    "date: last line without an end",
    "",
  ];
  for (const text of texts) {
    for (const name of ["Date", "dATE", "Message-Id", "Subject", "X-Date", "Dat", "no field", "x"]) {
      const parsed = block(text);
      void parsed.fields;
      assert.equal(block(text).get(name), parsed.get(name), `${name} in ${JSON.stringify(text)}`);
      const leading = block(text);
      leading.addLeading("Date", "first");
      leading.addLeading("Date", "in front");
      assert.equal(leading.get(name), name.toLowerCase() === "date" ? "in front" : parsed.get(name));
    }
  }
});
