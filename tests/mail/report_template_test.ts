import assert from "node:assert/strict";
import { fillHtml, fillTemplate, isTemplate, parseImage, parseTemplate } from "../../src/mail/report_template.ts";
import { test } from "../kit/test.ts";

test("fields a report needs are put in, fields that describe its parts are left out", () => {
  const template = parseTemplate(
    "Subject: a\r\n b\r\nMIME-Version: 1.0\r\nnot a field\r\nX-Own: {me}\r\n\r\nline\r\n\r\nmore",
  );
  const names = template.fields.map(([name]) => name);
  assert.deepEqual(names, ["Received", "Date", "From", "To", "Auto-Submitted", "Message-Id", "Subject", "X-Own"]);
  assert.deepEqual(template.fields.at(-2), ["Subject", "a b"]);
  assert.equal(template.text, "line\r\n\r\nmore");
});

test("a template without an empty line is all text", () => {
  const template = parseTemplate("just text");
  assert.equal(template.text, "just text");
  assert.equal(template.fields.length, 7);
});

test("words are filled in once; unknown and empty ones become ?", () => {
  assert.equal(fillTemplate("{a} {b} {c} {toString} {", { a: "{b}", b: "" }), "{b} ? ? ? {");
});

test("in HTML no value becomes markup, and none is filled in twice", () => {
  assert.equal(
    fillHtml("<b>{a}</b> {b} {c}", { a: '<i title="x">&\'\r\n', b: "{a}" }),
    "<b>&#60;i title=&#34;x&#34;&#62;&#38;&#39;&#13;&#10;</b> {a} ?",
  );
});

test("a file of one line is no template", () => {
  assert.deepEqual(["", "one", "one\n", "\n", "a\nb"].map(isTemplate), [false, false, false, false, true]);
});

test("an image is a part of MIME in base64; what is wrong with another is said", () => {
  const head = 'Content-Type: image/png;\n name="a.png"\nContent-Transfer-Encoding: BASE64\nContent-ID: <icon.png>';
  assert.deepEqual(parseImage(`${head}\n\n${"QUJD".repeat(20)}\nQQ==\n`), {
    part: `${head.replaceAll("\n", "\r\n")}\r\n\r\n${"QUJD".repeat(19)}\r\nQUJDQQ==\r\n`,
  });
  const faults: readonly (readonly [file: string, fault: RegExp])[] = [
    ["Content-Type: image/png\nQUJD", /no empty line/],
    ["Content-Type image/png\n\nQUJD", /no field: "Content-Type image\/png"/],
    [" folded\n\nQUJD", /no field: " folded"/],
    ["Content-Type: text/html\nContent-Transfer-Encoding: base64\n\nQUJD", /no image/],
    ["Content-Type: image/png\n\nQUJD", /not base64/],
    [`${head}\n\n<svg>`, /not in base64/],
    [`${head}\n\n`, /no empty line/],
    [`${head}\n\nQUJD\n--boundary`, /not in base64/],
  ];
  for (const [file, fault] of faults) {
    const parsed = parseImage(file);
    assert.match("fault" in parsed ? parsed.fault : "nothing wrong", fault, file);
  }
});
