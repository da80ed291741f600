import assert from "node:assert/strict";
import { LANGUAGES, octetsOf } from "./mail_words.ts";
import { test } from "./test.ts";

test("every text of every language comes back from every charset it is said in", () => {
  for (const { name, charsets, subjects, sentences, writer } of LANGUAGES) {
    for (const charset of charsets) {
      for (const text of [...subjects, ...sentences, writer]) {
        const octets = octetsOf(text, charset);
        assert.equal(new TextDecoder(charset).decode(octets), text, `${name} in ${charset}`);
        if (charset === "iso-2022-jp") assert.ok(octets.every((octet) => octet < 128));
      }
    }
  }
});
