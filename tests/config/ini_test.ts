import assert from "node:assert/strict";
import { iniFromTree, mergeIni, parseIni } from "../../src/config/ini.ts";
import type { Ini } from "../../src/config/ini.ts";
import { test } from "../kit/test.ts";

const values = (ini: Ini) =>
  Object.fromEntries(
    [...ini.sections].map(([name, section]) => [name, Object.fromEntries([...section].map(([k, e]) => [k, e.value]))]),
  );
const parsed = (text: string) => values(parseIni(text, "x.ini"));

test("[row 34] sections, main, comments by ; and #, none behind a value", () => {
  const text = "; one\n  # two\na = 1\n[ other ]\nb = x ; y # z\n[main]\nc=3\n";
  assert.deepEqual(parsed(text), { main: { a: "1", c: "3" }, other: { b: "x ; y # z" } });
  assert.deepEqual(parsed(""), { main: {} });
});

test("[row 36] a bare key is a member of a set", () => {
  const ini = parseIni("[domains]\nexample.com\nuser@example.org\n10.0.0.0/8\n", "x.ini");
  assert.deepEqual([...ini.sections.get("domains")!.keys()], ["example.com", "user@example.org", "10.0.0.0/8"]);
  assert.equal(ini.sections.get("domains")!.get("example.com")!.value, undefined);
});

test("[row 39] names that reach into a prototype have no effect", () => {
  const text = "__proto__ = x\nconstructor[] = y\n[__proto__]\npolluted = 1\n[prototype]\na=1\n[main]\nb=2\n";
  assert.deepEqual(parsed(text), { main: { b: "2" } });
  assert.equal(({} as { polluted?: string }).polluted, undefined);
  assert.deepEqual(
    values(iniFromTree(JSON.parse('{"__proto__":{"polluted":1},"main":{"constructor":1,"a":2}}'), "x")),
    {
      main: { a: "2" },
    },
  );
});

test("lines that end in a backslash go on, items gather, the later of two wins", () => {
  assert.deepEqual(parsed("a = one \\\n  two\\  \nthree\nl[] = 1\nl[]=2\nb=1\nb=2\r\nc =\r\n"), {
    main: { a: "one   twothree", l: ["1", "2"], b: "2", c: "" },
  });
  assert.deepEqual(parsed("a = x\\"), { main: { a: "x" } });
  assert.deepEqual(parsed("a[] = 1\na = 2\na[] = 3"), { main: { a: ["3"] } });
});

test("every key knows its line, continued ones their first", () => {
  const main = parseIni("\uFEFFa=1\n\n# c\nb = x\\\ny\nc=2\n", "dir/x.ini").sections.get("main")!;
  assert.deepEqual([...main].map(([key, entry]) => [key, entry.file, entry.line]), [["a", "dir/x.ini", 1], [
    "b",
    "dir/x.ini",
    4,
  ], ["c", "dir/x.ini", 6]]);
});

test("a line that is neither section nor key is a fault with its line, and skipped", () => {
  const ini = parseIni("a=1\nwhat is this\nb=2\n", "x.ini");
  assert.deepEqual(values(ini), { main: { a: "1", b: "2" } });
  assert.deepEqual(ini.faults, [{
    file: "x.ini",
    line: 2,
    current: "what is this",
    wanted: "[section], key = value, or a comment",
  }]);
});

test("the site's keys lie over the defaults' keys, one by one", () => {
  const merged = mergeIni(parseIni("a=1\nb=2\nl[]=x\n[s]\nc=3", "d.ini"), parseIni("b=9\nl[]=y\n[t]\nd=4", "s.ini"));
  assert.deepEqual(values(merged), { main: { a: "1", b: "9", l: ["y"] }, s: { c: "3" }, t: { d: "4" } });
  assert.equal(merged.sections.get("main")!.get("a")!.file, "d.ini");
  assert.equal(merged.sections.get("main")!.get("b")!.file, "s.ini");
});
