import assert from "node:assert/strict";
import { formatDate, parseDate } from "../../src/mail/date.ts";
import { test } from "../kit/test.ts";

const AT = Date.UTC(2026, 10, 22, 11, 0, 41);

test("a date is written as RFC 5322 has it, in the zone asked for", () => {
  assert.equal(formatDate(AT, 0), "Sun, 22 Nov 2026 11:00:41 +0000");
  assert.equal(formatDate(AT, 330), "Sun, 22 Nov 2026 16:30:41 +0530");
  assert.equal(formatDate(AT, -210), "Sun, 22 Nov 2026 07:30:41 -0330");
  assert.equal(formatDate(Date.UTC(2026, 0, 1, 1), -120), "Wed, 31 Dec 2025 23:00:00 -0200");
});

test("without a zone the machine's own is used, and every second is its own", () => {
  for (const ms of [AT, AT + 999, AT + 1000, AT]) {
    assert.equal(formatDate(ms), formatDate(ms, -new Date(ms).getTimezoneOffset()));
  }
});

test("what was written is read back", () => {
  for (const offset of [0, 330, -210, 720]) assert.equal(parseDate(formatDate(AT, offset)), AT);
});

test("obsolete forms are read", () => {
  assert.equal(parseDate("22 Nov 2026 11:00 GMT"), AT - 41_000);
  assert.equal(parseDate(" Sun, 22 Nov 26 11:00:41 +0000 (a (nested) comment)"), AT);
  assert.equal(parseDate("Fri, 21 Nov 97 09:55:06 -0600"), Date.UTC(1997, 10, 21, 15, 55, 6));
  assert.equal(parseDate("Fri, 21 Nov 1997 09:55:06 CST"), Date.UTC(1997, 10, 21, 15, 55, 6));
  assert.equal(parseDate("1 Jan 103 00:00:00 Z"), Date.UTC(2003, 0, 1));
});

test("what is no date is undefined", () => {
  for (
    const text of [
      "",
      "today",
      "32 Jan 2026 00:00:00",
      "30 Feb 2026 00:00:00",
      "1 Foo 2026 00:00",
      "1 Jan 2026 24:00",
      "1 Jan 2026",
    ]
  ) {
    assert.equal(parseDate(text), undefined, text);
  }
});
