import assert from "node:assert/strict";
import { Splitter } from "@zone-eu/mailsplit";
import { type Bytes, concat, latin1Decode, utf8Encode } from "../../src/base/bytes.ts";
import { MimeScanner, type PartHead, type ScanOptions } from "../../src/mail/mime_scanner.ts";
import { createRandom } from "../fuzz/random.ts";
import { randomMail } from "../kit/random_mail.ts";
import { test } from "../kit/test.ts";

interface Seen {
  readonly type: string;
  readonly start: number;
  readonly body: number;
  end: number;
  text: string;
  readonly parent: number | undefined;
}

/** What is told of a message, cut after every `size` octets. */
function scan(octets: string | Bytes, size = Infinity, options: ScanOptions = {}): Seen[] {
  const bytes = typeof octets === "string" ? utf8Encode(octets.replace(/\r?\n/g, "\r\n")) : octets;
  const seen: Seen[] = [];
  const open: PartHead[] = [];
  const scanner = new MimeScanner({
    begin(part) {
      assert.equal(part.parent, open.at(-1), "begins within its parent");
      open.push(part);
      seen[part.index] = {
        type: part.media.type,
        start: part.start,
        body: part.body,
        end: -1,
        text: "",
        parent: part.parent?.index,
      };
    },
    body: (part, octets) => void (seen[part.index]!.text += latin1Decode(octets)),
    end(part, end) {
      assert.equal(open.pop(), part, "ends innermost first");
      seen[part.index]!.end = end;
    },
  }, options);
  for (let at = 0; at < bytes.length; at += size) scanner.add(bytes.slice(at, Math.min(at + size, bytes.length)));
  scanner.finish();
  assert.equal(open.length, 0);
  for (const { start, body, end, text, type } of seen) {
    assert.ok(0 <= start && start <= body && body <= end && end <= bytes.length, `${type} ${start} ${body} ${end}`);
    if (text !== "") assert.equal(text, latin1Decode(bytes.subarray(body, end)), "offsets are those of what was told");
  }
  return seen;
}

const brief = (seen: readonly Seen[]) => seen.map(({ type, text }) => [type, text]);

test("parts, their bodies, and the line end that belongs to the delimiter", () => {
  const seen = scan(`Content-Type: multipart/mixed; boundary="a b"

preamble
--a b
Content-Type: text/html

<p>

--a b  \t
X: y

--a b
--a b--
epilogue
`);
  assert.deepEqual(brief(seen), [
    ["multipart/mixed", ""],
    ["text/html", "<p>\r\n"],
    ["text/plain", ""],
    ["text/plain", ""],
  ]);
});

test("an outer delimiter ends what is within; a level that has ended is not opened again; what is missing ends with the message", () => {
  const seen = scan(`Content-Type: multipart/mixed; boundary=o

--o
Content-Type: multipart/mixed; boundary=i

--i

one
--i--
--i
no part
--o

two
--ox
--o`);
  assert.deepEqual(brief(seen), [
    ["multipart/mixed", ""],
    ["multipart/mixed", ""],
    ["text/plain", "one"],
    ["text/plain", "two\r\n--ox"],
    ["text/plain", ""],
  ]);
});

test("an attached message is looked into, unless it is encoded or nobody wants to", () => {
  const mail = (encoding: string) =>
    `Content-Type: message/rfc822
${encoding}
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: image/png

x
--b--
`;
  assert.deepEqual(scan(mail("")).map(({ type }) => type), ["message/rfc822", "multipart/mixed", "image/png"]);
  assert.equal(scan(mail("Content-Transfer-Encoding: BASE64 (really)\n")).length, 1);
  const [whole, ...none] = scan(mail(""), Infinity, { into: () => false });
  assert.match(whole!.text, /^Content-Type: multipart[^]*--b--\r\n$/);
  assert.equal(none.length, 0);
});

test("in a digest what states no type is a message (RFC 2046 §5.1.5)", () => {
  const seen = scan("Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: in\n\nhi\n--b--\n");
  assert.deepEqual(brief(seen), [["multipart/digest", ""], ["message/rfc822", ""], ["text/plain", "hi"]]);
});

test("[row 149] without an empty line the body begins with the first line that is no field", () => {
  assert.deepEqual(brief(scan("Subject: x\nhello there\n")), [["text/plain", "hello there\r\n"]]);
  assert.deepEqual(brief(scan("Content-Type: multipart/mixed; boundary=b\n\n--b\nA: b\nnot a field\n--b--\n")), [
    ["multipart/mixed", ""],
    ["text/plain", "not a field"],
  ]);
  assert.deepEqual(brief(scan("")), [["text/plain", ""]]);
});

test("a boundary of characters beyond ASCII is found as its octets", () => {
  for (const boundary of ["grüß", "gr\udcfc"]) {
    const octets = boundary === "grüß" ? utf8Encode(boundary) : Uint8Array.of(103, 114, 252);
    const mail = concat([
      utf8Encode('Content-Type: multipart/mixed; boundary="'),
      octets,
      utf8Encode('"\r\n\r\n--'),
      octets,
      utf8Encode("\r\n\r\nin\r\n--"),
      octets,
      utf8Encode("--\r\n"),
    ]);
    assert.deepEqual(brief(scan(mail)), [["multipart/mixed", ""], ["text/plain", "in"]]);
  }
});

test("any split tells the same story, and made-up messages come apart as they were put together", () => {
  for (let seed = 1; seed <= 150; seed++) {
    const { bytes, types } = randomMail(createRandom(seed));
    const whole = scan(bytes);
    assert.deepEqual(whole.map(({ type }) => type), types, `seed ${seed}`);
    for (const size of [1, 2, 3, 7, 64]) assert.deepEqual(scan(bytes, size), whole, `seed ${seed}, by ${size}`);
  }
  const odd = utf8Encode("Content-Type: multipart/x; boundary=b\r\n\r\n\n--b\n\n\r\r\n--b\r\n\r\n\r\n--b--");
  const headless = utf8Encode(
    "Content-Type: multipart/x; boundary=b\r\n\r\n--b\r\nX: y\r\nno field\r\n--b\r\nz\r\n--b",
  );
  for (const octets of [odd, headless]) {
    for (let size = 1; size < octets.length; size++) assert.deepEqual(scan(octets, size), scan(octets));
  }
});

test("a package that does the same finds the same parts", async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const { bytes } = randomMail(createRandom(seed));
    const theirs: string[] = [];
    const splitter = new Splitter({ ignoreEmbedded: true });
    splitter.end(bytes);
    for await (
      const data of splitter as AsyncIterable<{ readonly type: string; readonly contentType?: string | false }>
    ) {
      if (data.type === "node") theirs.push(data.contentType || "text/plain");
    }
    assert.deepEqual(scan(bytes, Infinity, { into: () => false }).map(({ type }) => type), theirs, `seed ${seed}`);
  }
});

test("[row 150] a hundred levels are followed, what lies deeper is text; ten thousand parts are told of, more are passed over", () => {
  let deep = "";
  for (let i = 0; i < 150; i++) deep += `Content-Type: multipart/mixed; boundary=b${i}\n\n--b${i}\n`;
  const nested = scan(`${deep}\nbottom\n`);
  assert.equal(nested.length, 101);
  assert.match(nested[100]!.text, /^--b100\r\n[^]*bottom\r\n$/);

  const many = scan(`Content-Type: multipart/mixed; boundary=b\n\n${"--b\n\nx\n".repeat(10_500)}--b--\n`);
  assert.equal(many.length, 10_000);
  assert.equal(
    scan(`Content-Type: multipart/mixed; boundary=b\n\n${"--b\n\nx\n".repeat(9)}--b--\n`, 5, { mostParts: 3 }).length,
    3,
  );
});

test("a header without end holds no more than a quarter of a mebibyte, a line without end no more than a delimiter", () => {
  const begun: PartHead[] = [];
  let told = 0;
  const scanner = new MimeScanner({
    begin: (part) => void begun.push(part),
    body: (_part, octets) => void (told += octets.length),
    end() {},
  });
  for (let i = 0; i < 500; i++) scanner.add(utf8Encode(`X-Field-${i}: ${"y".repeat(1000)}\r\n`));
  scanner.add(utf8Encode(`Z: ${"z".repeat(300_000)}`));
  scanner.add(utf8Encode("\r\n\r\nbody"));
  scanner.finish();
  assert.equal(begun.length, 1);
  assert.ok(begun[0]!.header.toBytes().length <= 256 * 1024 + 2);
  assert.equal(begun[0]!.header.has("X-Field-0"), true);
  assert.equal(told, 4);
});
