import assert from "node:assert/strict";
import { decodeXtext, encodeXtext } from "../../src/wire/xtext.ts";
import { test } from "../kit/test.ts";

test("plus, equals, blanks, controls and UTF-8 are written in hex", () => {
  assert.equal(encodeXtext("plain!text~"), "plain!text~");
  assert.equal(encodeXtext("a+b=c d"), "a+2Bb+3Dc+20d");
  assert.equal(encodeXtext("\r\n\x7f"), "+0D+0A+7F");
  assert.equal(encodeXtext("ü"), "+C3+BC");
});

test("decoding is the inverse, and what is not xtext is refused", () => {
  for (const text of ["", "a", "a+b=c d", "ü€𝄞", "\x00\xff\r\n"]) assert.equal(decodeXtext(encodeXtext(text)), text);
  for (const text of ["+", "+2", "+2b", "+GG", "a=b", "a b", "+FF", "ü"]) {
    assert.equal(decodeXtext(text), undefined, text);
  }
});
