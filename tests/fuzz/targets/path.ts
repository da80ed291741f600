/** The fast way and the library agree; a path's parts can be put together and read again; limits hold. */
import assert from "node:assert/strict";
import { utf8Decode, utf8Encode } from "../../../src/base/bytes.ts";
import { parseAnyPath, parsePath, parsePlainPath } from "../../../src/wire/path.ts";
import type { FuzzTarget } from "../target.ts";

export default {
  seeds: [
    "<a@example.com>",
    "first.last+tag@sub.example.org",
    "<>",
    "<postmaster>",
    '<"a \\"b"@c.d>',
    "<a@[127.0.0.1]>",
    "<a@[IPv6:2001:db8::1]>",
    "<@x.y:a@b.c>",
    "<gr\u00c3\u00bc\u00c3\u009fe@m\u00c3\u00bcnchen.de>",
  ],
  words: [
    "<",
    ">",
    "@",
    ".",
    '"',
    "\\",
    "-",
    "[",
    "]",
    ":",
    ",",
    "a",
    "x.y",
    "\u00c3\u00bc",
    "_",
    " ",
    "l".repeat(60),
    "d".repeat(120),
  ],
  check(input) {
    const text = utf8Decode(input);
    const parts = parsePath(text);
    assert.deepEqual(parts, parseAnyPath(text));
    const plain = parsePlainPath(text);
    if (plain !== undefined) assert.deepEqual(plain, parts);
    if (parts === undefined) return;
    assert.ok(utf8Encode(text).length <= 256 && utf8Encode(parts.host).length <= 255);
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(parts.host, /[\x00-\x20\x7f<>@]/);
    // deno-lint-ignore no-control-regex
    assert.equal(parts.isUtf8, /[^\x00-\x7f]/.test(text));
    assert.deepEqual(parsePath(`<${parts.original}>`) ?? parsePath(parts.original), parts);
    if (parts.host === "") return;
    const quoted = `<"${parts.user.replace(/["\\]/g, "\\$&")}"@${parts.host}>`;
    const again = parsePath(quoted);
    if (again !== undefined) assert.deepEqual([again.user, again.host], [parts.user, parts.host]);
    else assert.ok(utf8Encode(quoted).length > 256 || utf8Encode(parts.user).length > 30, quoted);
  },
} satisfies FuzzTarget;
