import assert from "node:assert/strict";
import { fillTemplate, parseTemplate } from "../../src/mail/report_template.ts";
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
