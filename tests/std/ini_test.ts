import assert from "node:assert/strict";
import { parse, stringify } from "@std/ini";
import { test } from "../kit/test.ts";

test("sections, comments and guessed values are read", () => {
  const text =
    '# c\n; c\n// c\nkey = some data \nnum=007\nyes=true\nno=false\nnil=null\nq="007"\nempty=\n\n[One Two]\na=b=c\r\n[x]\n';
  assert.deepEqual(parse(text), {
    key: "some data",
    num: 7,
    yes: true,
    no: false,
    nil: null,
    q: "007",
    empty: "",
    "One Two": { a: "b=c" },
    x: {},
  });
});

test("a reviver is asked for every value, with its section", () => {
  const asked: unknown[] = [];
  const result = parse<Record<string, unknown>>("a=1\n[s]\nb=x", {
    reviver: (key, value, section) => {
      asked.push([key, value, section]);
      return `${value}!`;
    },
  });
  assert.deepEqual(asked, [["a", 1, undefined], ["b", "x", "s"]]);
  assert.deepEqual(result, { a: "1!", s: { b: "x!" } });
});

test("a line that is nothing is a SyntaxError with its place", () => {
  for (const text of ["bare key", "a=1\n[open", "=x", "[]"]) assert.throws(() => parse(text), SyntaxError, text);
  assert.throws(() => parse("a=1\nbare"), /line 2/);
});

test("a key called __proto__ is a key like any other", () => {
  const parsed = parse<Record<string, unknown>>("__proto__=x\n[__proto__]\ny=1");
  assert.equal(Object.getPrototypeOf(parsed), Object.prototype);
  assert.equal(({} as Record<string, unknown>).y, undefined);
});

test("what was written is read back", () => {
  const value = { top: "a", n: 5, sec: { b: true, c: "d e" } };
  assert.equal(stringify(value), "top=a\nn=5\n[sec]\nb=true\nc=d e");
  assert.deepEqual(parse(stringify(value, { pretty: true })), value);
  assert.equal(
    stringify({ d: new Date(0) }, { replacer: (_, date) => (date as Date).toISOString() }),
    "d=1970-01-01T00:00:00.000Z",
  );
});
