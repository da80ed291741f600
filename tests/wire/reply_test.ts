import assert from "node:assert/strict";
import { formatReply } from "../../src/wire/reply.ts";
import { test } from "../kit/test.ts";

test("one line, several lines, with and without a status", () => {
  assert.equal(formatReply({ code: 250, text: "OK" }), "250 OK\r\n");
  assert.equal(formatReply({ code: 550, enhanced: "5.7.1", text: "No" }), "550 5.7.1 No\r\n");
  assert.equal(formatReply({ code: 250, text: ["a", "b", "c"] }), "250-a\r\n250-b\r\n250 c\r\n");
  assert.equal(formatReply({ code: 451, enhanced: "4.3.0", text: ["a", "b"] }), "451-4.3.0 a\r\n451 4.3.0 b\r\n");
  assert.equal(formatReply({ code: 354, enhanced: "2.0.0", text: "go" }), "354 2.0.0 go\r\n");
});

test("a text cannot break out of its line", () => {
  assert.equal(formatReply({ code: 250, text: "a\r\n550 b\nc\rd\r\n" }), "250-a\r\n250-550 b\r\n250-c\r\n250 d\r\n");
  assert.equal(formatReply({ code: 250, text: ["a\r\n\r\nb", ""] }), "250-a\r\n250 b\r\n");
  assert.equal(formatReply({ code: 250, text: "a\0b\x1bc\td\x7f" }), "250 a b c d \r\n");
});

test("an empty text leaves the code and a space", () => {
  assert.equal(formatReply({ code: 334, text: "" }), "334 \r\n");
  assert.equal(formatReply({ code: 334, text: [] }), "334 \r\n");
  assert.equal(formatReply({ code: 250, text: "\r\n" }), "250 \r\n");
});

test("a status that is malformed or of another class is left out, a code that is none becomes 451", () => {
  for (const enhanced of ["4.7.1", "5.7", "5.7.1.1", "x", "5.7.1\r\n250 ok", "6.0.0"]) {
    assert.equal(formatReply({ code: 550, enhanced, text: "No" }), "550 No\r\n");
  }
  for (const code of [0, 199, 600, 250.5, NaN, -250]) assert.equal(formatReply({ code, text: "x" }), "451 x\r\n");
});

test("no line has more than 512 octets, and no character or word is lost", () => {
  for (const word of ["x", "word", "größer", "𝄞𝄞"]) {
    for (const gap of ["", " "]) {
      const text = Array.from({ length: 700 }, () => word).join(gap);
      const lines = formatReply({ code: 550, enhanced: "5.7.1", text }).split("\r\n").slice(0, -1);
      assert.ok(lines.length > 1);
      for (const line of lines) {
        assert.ok(new TextEncoder().encode(line).length <= 510);
        assert.ok(line.isWellFormed());
      }
      assert.equal(lines.map((line) => line.slice(10)).join(gap), text);
    }
  }
});
