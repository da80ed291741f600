/** Haraka's ini: nothing throws, every entry has a line of the file, no name reaches a prototype, and what was read can be written and read again. */
import assert from "node:assert/strict";
import { utf8Decode } from "../../../src/base/bytes.ts";
import { FORBIDDEN_NAMES, parseIni } from "../../../src/config/ini.ts";
import type { Ini } from "../../../src/config/ini.ts";
import type { FuzzTarget } from "../target.ts";

const plain = (ini: Ini) =>
  [...ini.sections].map(([name, entries]) => [name, [...entries].map(([key, { value }]) => [key, value])] as const);

function write(ini: Ini): string {
  const lines: string[] = [];
  for (const [name, entries] of plain(ini)) {
    lines.push(`[${name}]`);
    for (const [key, value] of entries) {
      if (Array.isArray(value)) lines.push(...value.map((item) => `${key}[]=${item}`));
      else lines.push(value === undefined ? `${key}` : `${key}=${value}`);
    }
  }
  return lines.join("\n");
}

export default {
  seeds: ["a=1\n[s]\nb = x ; y\nbare\nl[] = 1\nl[]=2\n; c\n# d\nlong = a\\\n b\n", "[__proto__]\nx=1\nconstructor=2\n"],
  words: [
    "[",
    "]",
    "[]",
    "=",
    "\\\n",
    ";",
    "#",
    "\r\n",
    "\n",
    "[main]",
    "__proto__",
    "\uFEFF",
    " ",
    "\t",
    "key=value\n",
  ],
  check(input) {
    const text = utf8Decode(input);
    const count = text.split(/\r\n|\n|\r/).length;
    const ini = parseIni(text, "x.ini");
    assert.ok(ini.sections.has("main"));
    for (const [name, entries] of ini.sections) {
      assert.ok(!FORBIDDEN_NAMES.has(name));
      for (const [key, { line }] of entries) {
        assert.ok(!FORBIDDEN_NAMES.has(key));
        assert.ok(line !== undefined && line >= 1 && line <= count);
      }
    }
    for (const { line } of ini.faults) assert.ok(line !== undefined && line >= 1 && line <= count);
    // A backslash may mean that a line goes on, brackets in a key a section or an item: these have no way of being written for sure.
    const unwritable = plain(ini).some(([, entries]) =>
      entries.some(([key, value]) => String(value).includes("\\") || /[[\]]/.test(String(key)))
    );
    if (!unwritable) assert.deepEqual(plain(parseIni(write(ini), "x.ini")), plain(ini));
  },
} satisfies FuzzTarget;
