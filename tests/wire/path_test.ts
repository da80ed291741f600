import assert from "node:assert/strict";
import { parseAnyPath, parsePath, parsePlainPath } from "../../src/wire/path.ts";
import { test } from "../kit/test.ts";

const parts = (original: string, user: string, host: string, isUtf8 = false) => ({ original, user, host, isUtf8 });

test("paths of every kind", () => {
  const table: [string, ReturnType<typeof parts> | undefined][] = [
    ["<a@b.c>", parts("a@b.c", "a", "b.c")],
    ["a@b.c", parts("a@b.c", "a", "b.c")],
    ["<First.Last+tag@Example.COM>", parts("First.Last+tag@Example.COM", "First.Last+tag", "Example.COM")],
    ["<>", parts("", "", "")],
    ["", parts("", "", "")],
    ["<postmaster>", parts("postmaster", "postmaster", "")],
    ["Postmaster", parts("Postmaster", "Postmaster", "")],
    ['<"a b"@c.d>', parts('"a b"@c.d', "a b", "c.d")],
    ['<"a\\"\\\\b"@c.d>', parts('"a\\"\\\\b"@c.d', 'a"\\b', "c.d")],
    ["<a@[127.0.0.1]>", parts("a@[127.0.0.1]", "a", "[127.0.0.1]")],
    ["<a@[IPv6:::1]>", parts("a@[IPv6:::1]", "a", "[IPv6:::1]")],
    ["<@x.y,@z:a@b.c>", parts("@x.y,@z:a@b.c", "a", "b.c")],
    ["<grüße@münchen.de>", parts("grüße@münchen.de", "grüße", "münchen.de", true)],
    ["<a@localhost>", parts("a@localhost", "a", "localhost")],
    ["<a@b@c>", undefined],
    ["<a@b.c", undefined],
    ["a@b.c>", undefined],
    ["<<a@b.c>>", undefined],
    ["<a>", undefined],
    ["<@b.c>", undefined],
    ["<a@>", undefined],
    ["<.a@b.c>", undefined],
    ["<a.@b.c>", undefined],
    ["<a..b@c.d>", undefined],
    ["<a@-b.c>", undefined],
    ["<a@b-.c>", undefined],
    ["<a@b..c>", undefined],
    ["<a@b.c.>", undefined],
    ["<a@b_c.d>", undefined],
    ["<a b@c.d>", undefined],
    ["<a@[300.1.1.1]>", undefined],
    ["<a@b.c\u0000>", undefined],
    ["<\ud800@b.c>", undefined],
    ["a@[tag:x>y]", undefined],
    ["<a@[tag:x@y]>", undefined],
    ["<a@[tag:x!y]>", parts("a@[tag:x!y]", "a", "[tag:x!y]")],
    ["<", undefined],
    [">", undefined],
  ];
  for (const [text, wanted] of table) assert.deepEqual(parsePath(text), wanted, JSON.stringify(text));
});

test("limits are those of RFC 5321, in octets", () => {
  const label = "d".repeat(60);
  assert.ok(parsePath(`<${"l".repeat(64)}@b.c>`));
  assert.equal(parsePath(`<${"l".repeat(65)}@b.c>`), undefined);
  assert.ok(parsePath(`<${"ü".repeat(32)}@b.c>`));
  assert.equal(parsePath(`<${"ü".repeat(33)}@b.c>`), undefined);
  const fits = `<a@${label}.${label}.${label}.${"d".repeat(69)}>`;
  assert.equal(fits.length, 256);
  assert.ok(parsePath(fits));
  assert.equal(parsePath(fits.replace("<a", "<aa")), undefined);
});

test("the fast way and the library give the same answers", () => {
  // Own little generator: the same 4 000 paths on every run.
  let state = 12345;
  const below = (n: number) => (state = (Math.imul(state, 1103515245) + 12345) >>> 0, (state >>> 8) % n);
  const bits = [
    "a",
    "Z",
    "9",
    ".",
    "-",
    "_",
    "@",
    "<",
    ">",
    "+",
    "=",
    "/",
    " ",
    "..",
    "x.y",
    "mail",
    "!",
    "~",
    ":",
    ",",
    "\\",
    "(",
    "\t",
    "postmaster",
    "%",
  ];
  let good = 0;
  for (let i = 0; i < 4000; i++) {
    const word = (length: number) => {
      let out = "";
      for (let k = 0; k < length; k++) out += bits[below(below(3) === 0 ? bits.length : 3)];
      return out;
    };
    let text = below(10) === 0 ? word(below(12)) : `${word(1 + below(6))}@${word(1 + below(8))}`;
    if (below(20) === 0) text = text.replace("@", `${"l".repeat(55 + below(12))}@`);
    if (below(20) === 0) text += `${"d".repeat(180 + below(80))}`;
    if (below(4) > 0) text = `<${text}>`;
    const slow = parseAnyPath(text);
    assert.deepEqual(parsePath(text), slow, JSON.stringify(text));
    const fast = parsePlainPath(text);
    if (fast !== undefined) {
      good++;
      assert.deepEqual(fast, slow, JSON.stringify(text));
    }
  }
  assert.ok(good > 500 && good < 3500, `${good} of 4000 were plain paths: the generator is lopsided`);
});

test("an ASCII path that is no plain one does not cost the grammar's time", () => {
  const evil = `<a@${"a.".repeat(125)}->`;
  const begin = performance.now();
  for (let i = 0; i < 1000; i++) parsePath(evil);
  assert.ok(performance.now() - begin < 200);
});
