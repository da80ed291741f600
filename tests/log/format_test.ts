import assert from "node:assert/strict";
import { formatItem, parseFormat } from "../../src/log/format.ts";
import type { Fields, LogItem } from "../../src/log/types.ts";
import { test } from "../kit/test.ts";

const item = (message: string, fields: Fields = {}, ids: Partial<LogItem> = {}): LogItem => ({
  time: Date.UTC(2026, 0, 2, 3, 4, 5, 6),
  level: "NOTICE",
  uuid: "AB.1",
  origin: "core",
  message,
  fields,
  ...ids,
});

test("the default form is [LEVEL] [uuid] [origin] message k=v", () => {
  assert.equal(
    formatItem(item("connect", { ip: "::1", port: 25 }), "default", false),
    "[NOTICE] [AB.1] [core] connect ip=::1 port=25",
  );
  assert.equal(formatItem(item("hi", {}, { uuid: "", origin: "" }), "default", false), "[NOTICE] [-] [core] hi");
  assert.equal(formatItem(item("", { a: 1 }), "default", false), "[NOTICE] [AB.1] [core]  a=1");
});

test("line breaks and control characters inside a message are shown, a last line break is dropped [row 61]", () => {
  assert.equal(formatItem(item("a\r\nb\n"), "default", false), "[NOTICE] [AB.1] [core] a\\r\\nb");
  assert.equal(formatItem(item("a\r\n"), "default", false), "[NOTICE] [AB.1] [core] a");
  assert.equal(
    formatItem(item("x\x1b[31m\x9b\0\ty"), "default", false),
    "[NOTICE] [AB.1] [core] x\\x1b[31m\\x9b\\x00\ty",
  );
  assert.match(formatItem(item("plain"), "default", false), /^\[[A-Z]+\] \[[^\]]+\] \[[^\]]+\] plain$/);
});

test("logfmt quotes what is empty or holds a blank, =, quote or backslash [row 62]", () => {
  assert.equal(
    formatItem(
      item("two words", { a: "", b: 'q"q', c: "d\\e", d: "k=v", e: null, f: undefined, g: true, h: "ok" }),
      "logfmt",
      false,
    ),
    'level=NOTICE uuid=AB.1 origin=core message="two words" a="" b="q\\"q" c="d\\\\e" d="k=v" e="" f="" g=true h=ok',
  );
  assert.equal(
    formatItem(item("x", { a: "1\r\n2" }), "logfmt", false),
    'level=NOTICE uuid=AB.1 origin=core message=x a="1\\r\\n2"',
  );
  assert.equal(
    formatItem(item("", { "a b": 1, level: "mine" }, { uuid: "" }), "logfmt", false),
    'level=NOTICE uuid=- origin=core message="" a_b=1 level_=mine',
  );
});

test("json is one object per line with level, uuid, origin, message and the fields [row 63]", () => {
  const line = formatItem(
    item('say "hi"\nthere\n', { n: 1, b: false, z: null, u: undefined, message: "other", __proto__x: "p" }),
    "json",
    false,
  );
  assert.equal(line.includes("\n"), false);
  assert.deepEqual(JSON.parse(line), {
    level: "NOTICE",
    uuid: "AB.1",
    origin: "core",
    message: 'say "hi"\nthere',
    n: 1,
    b: false,
    z: null,
    u: null,
    message_: "other",
    __proto__x: "p",
  });
  assert.deepEqual(Object.keys(JSON.parse(line)).slice(0, 4), ["level", "uuid", "origin", "message"]);
});

test("a timestamp stands in front of a line, and inside a JSON line, which must still parse", () => {
  assert.equal(formatItem(item("x"), "default", true), "2026-01-02T03:04:05.006Z [NOTICE] [AB.1] [core] x");
  assert.match(formatItem(item("x"), "logfmt", true), /^2026-01-02T03:04:05\.006Z level=NOTICE /);
  assert.equal(JSON.parse(formatItem(item("x"), "json", true)).timestamp, "2026-01-02T03:04:05.006Z");
});

test("a format is read in any case", () => {
  assert.equal(parseFormat(" JSON "), "json");
  assert.equal(parseFormat("logfmt"), "logfmt");
  assert.equal(parseFormat("Default"), "default");
  assert.equal(parseFormat("toString"), undefined);
  assert.equal(parseFormat(""), undefined);
});

test("no form of a line sends a terminal its controls", () => {
  const evil = "a\u001b[2J\u009b2J\u0085b\u007fc";
  for (const format of ["default", "logfmt", "json"] as const) {
    const line = formatItem({ ...item(evil), fields: { helo: evil } }, format, false);
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(line, /[\x00-\x1f\x7f-\x9f]/, format);
    if (format === "json") assert.equal(JSON.parse(line).helo, evil);
  }
});
