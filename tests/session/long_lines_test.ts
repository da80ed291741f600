import assert from "node:assert/strict";
import { latin1Decode, utf8Encode } from "../../src/base/bytes.ts";
import { LongLines } from "../../src/session/long_lines.ts";
import { createRandom } from "../fuzz/random.ts";
import { test } from "../kit/test.ts";

function put(text: string, limit: number, breaks: boolean, size = Infinity): { text: string; found: boolean } {
  const lines = new LongLines(limit, breaks);
  const octets = utf8Encode(text);
  let out = "";
  for (let at = 0; at < octets.length; at += size) out += latin1Decode(lines.push(octets.slice(at, at + size)));
  return { text: out, found: lines.found };
}
const y = (n: number) => "y".repeat(n);

test("a line may have as many octets as the limit says, its CRLF included", () => {
  for (const breaks of [false, true]) {
    assert.deepEqual(put(`${y(48)}\r\n`, 50, breaks), { text: `${y(48)}\r\n`, found: false });
    assert.equal(put(`a\r\n${y(49)}\r\nb\r\n`, 50, breaks).found, true);
  }
});

test("longer ones are kept, or broken as Haraka does it", () => {
  assert.equal(put(`${y(120)}\r\n`, 50, false).text, `${y(120)}\r\n`);
  assert.equal(put(`a\r\n${y(120)}\r\nb\r\n`, 50, true).text, `a\r\n${y(48)}\r\n ${y(47)}\r\n ${y(25)}\r\nb\r\n`);
});

test("any split gives the same, and what is broken has no long line left", () => {
  const random = createRandom(3);
  for (let i = 0; i < 200; i++) {
    const text = Array.from({ length: random.below(8) }, () => `${y(random.below(40))}\r\n`).join("");
    const longest = Math.max(0, ...text.split("\r\n").map((line) => line.length + 2));
    for (const breaks of [false, true]) {
      const whole = put(text, 20, breaks);
      assert.equal(whole.found, longest > 20 && text !== "", text);
      for (const size of [1, 2, 3, 19, 20, 21]) {
        assert.deepEqual(put(text, 20, breaks, size), whole, `${breaks} ${size}`);
      }
      if (!breaks) continue;
      assert.ok(whole.text.split("\r\n").every((line) => line.length <= 18));
      assert.equal(whole.text.replaceAll("\r\n ", ""), text);
    }
  }
});
