import assert from "node:assert/strict";
import { utf8Decode } from "../../src/base/bytes.ts";
import { HeaderBlock } from "../../src/mail/header_block.ts";
import { fieldBytes } from "../../src/mail/header_text.ts";
import { test } from "../kit/test.ts";

const text = (name: string, value: string) => utf8Decode(fieldBytes(name, value));

test("header values cannot inject lines, whatever their line breaks [row 140]", () => {
  assert.equal(text("X", "a\r\nBcc: b"), "X: a\r\n Bcc: b\r\n");
  assert.equal(text("X", "a\nb\rc\r\n\td"), "X: a\r\n b\r\n c\r\n\td\r\n");
  assert.equal(text("X", "a\r\n\r\nbody"), "X: a\r\n body\r\n");
  assert.equal(text("X", "a\n \n \n  b\r\n\r\n"), "X: a\r\n  b\r\n");
  assert.equal(text("X", "\r\n\r\na\0b"), "X: ab\r\n");
  for (const breaks of ["\r", "\n", "\r\n", "\n\r", "\r\r\n", "\n \r\n\t"]) {
    for (let at = 0; at <= 4; at++) {
      const value = `${"Y: z".slice(0, at)}${breaks}${"Y: z".slice(at)}`;
      const header = new HeaderBlock(() => new Uint8Array(0));
      header.add("X", value);
      const bytes = header.toBytes();
      const again = new HeaderBlock(() => bytes);
      assert.deepEqual(again.fields.map((field) => field.name), ["X"], JSON.stringify(value));
    }
  }
});

test("a name that cannot stand in a header is refused with its reason", () => {
  for (const name of ["", "a b", "a:", "a\r\nb", "ä", "a\0"]) {
    assert.throws(() => fieldBytes(name, "v"), /Cannot write this header field: current name is/);
  }
});

test("text beyond ASCII becomes encoded words, but in trace and signature fields", () => {
  assert.equal(text("Subject", "Grüße an alle"), "Subject: =?UTF-8?B?R3LDvMOfZQ==?= an alle\r\n");
  assert.equal(text("Received", "from ü"), "Received: from ü\r\n");
  assert.equal(utf8Decode(fieldBytes("To", "<ü@x>", true)), "To: <ü@x>\r\n");
});

test("lines longer than 998 octets are folded at white space", () => {
  const value = Array.from({ length: 300 }, (_, i) => `word${i}`).join(" ");
  const lines = text("X-Long", value).split("\r\n");
  assert.ok(lines.length > 20);
  assert.ok(lines.every((line) => line.length <= 80));
  assert.equal(lines.join("").slice("X-Long: ".length), value);
  const short = "a ".repeat(400).trim();
  assert.equal(text("X", short), `X: ${short}\r\n`);
});

test("a long run of blanks costs no more than its length", () => {
  const start = performance.now();
  text("X", `${" ".repeat(200_000)}a\n${"b".repeat(200_000)}ü`);
  assert.ok(performance.now() - start < 2000);
});

test("what is folded stays as it is, and what only looks so is folded", () => {
  const same = ["a\r\n\tb", "a\r\n b\r\n\t\tc;\r\n d", "from a (b [192.0.2.1])\r\n\tby c\r\n\tfor d"];
  for (const value of same) assert.equal(text("Received", value), `Received: ${value}\r\n`);
  const mended = [
    ["a\r\nb", "a\r\n b"],
    ["a\n\tb", "a\r\n\tb"],
    ["a\r\n\t", "a"],
    ["a\r\n\t\r\n\tb", "a\r\n\tb"],
    ["a\r\n \r\nX: b", "a\r\n X: b"],
    ["\r\n\ta", "\ta"],
    ["a\r\n\tb\0c", "a\r\n\tbc"],
    ["a\r\tb", "a\r\n\tb"],
  ];
  for (const [value, wanted] of mended) assert.equal(text("Received", value!), `Received: ${wanted}\r\n`);
});
