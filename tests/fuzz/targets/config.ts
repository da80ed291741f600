/**
 * Every kind of configuration file: whatever stands in it comes to a value or to faults with the file's name and a line that it has, never to another
 * exception; what a tree holds reaches no prototype; a site's file over the default's is as good as both; written as JSON it reads the same.
 */
import assert from "node:assert/strict";
import { utf8Decode } from "../../../src/base/bytes.ts";
import { ConfigError } from "../../../src/base/config_error.ts";
import { applyShape } from "../../../src/config/apply_shape.ts";
import { formatEndpoint, parseEndpoint } from "../../../src/config/endpoint.ts";
import { CORE_FILES } from "../../../src/config/files/core_files.ts";
import { mergeIni, parseIni } from "../../../src/config/ini.ts";
import { parseIntervals } from "../../../src/config/intervals.ts";
import { parseData, parseList, parseValue } from "../../../src/config/lines.ts";
import { mergeTrees, parseTree } from "../../../src/config/tree.ts";
import type { Random } from "../random.ts";
import type { FuzzTarget } from "../target.ts";

function tree(text: string, file: string): { readonly value: unknown } | undefined {
  try {
    return { value: parseTree(text, file) };
  } catch (error) {
    assert.ok(error instanceof ConfigError, `${file}: ${error}`);
    assert.equal(error.fault.file, file);
    assert.ok(error.fault.line === undefined || error.fault.line >= 1);
    return undefined;
  }
}

function noPrototypes(value: unknown): void {
  if (value === null || typeof value !== "object") return;
  for (const key of Object.keys(value)) assert.ok(!["__proto__", "constructor", "prototype"].includes(key), key);
  for (const each of Object.values(value)) noPrototypes(each);
}

export default {
  seeds: [
    '{"listen": "0.0.0.0:25", "nodes": 2, "list": [1, "two", {"three": null}]}',
    "listen: 0.0.0.0:25\nnodes: 2\nlist:\n  - one\n  - {two: 3}\nanchor: &a x\nuse: *a\n",
    "{\n  # a comment\n  listen: 0.0.0.0:25\n  text: '''\n    long\n    '''\n}\n",
    "listen=[::0]:25,127.0.0.1:2525\nnodes=cpus\n[main]\nspool_after=-1\n[max]\nbytes=26214400\n",
    "1m 5m*2 1h*3, 2d",
    "# comment\n\nvalue ; more\n",
  ],
  words: [
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    '"',
    "'''",
    "&a ",
    "*a",
    "!!binary ",
    "- ",
    "\n",
    "\r\n",
    "\t",
    "# ",
    "__proto__",
    "constructor",
    "null",
    "true",
    "1e999",
    "-0",
    "[main]\n",
    "listen=",
    "bytes=",
    "127.0.0.1:25",
    "[::1]:25",
    "/a.sock:660",
    "5m*3",
    "999999999999",
  ],
  check(input, random) {
    const text = utf8Decode(input);
    // One kind of reading each time: there are many times.
    const kind = random.below(3);
    if (kind === 0) return readTree(text, random);
    const lines = parseData(text);
    if (kind === 1) return readShape(text, lines.length, random);
    assert.ok(parseList(text).length <= lines.length);
    assert.equal(parseValue(text), parseList(text)[0]);
    parseIntervals(text);
    const endpoint = parseEndpoint(text, 25);
    if (endpoint.kind !== "bad") assert.deepEqual(parseEndpoint(formatEndpoint(endpoint), 25), endpoint);
  },
} satisfies FuzzTarget;

function readTree(text: string, random: Random): void {
  const file = random.pick(["x.json", "x.hjson", "x.yaml"]);
  const got = tree(text, file);
  if (got !== undefined) {
    noPrototypes(got.value);
    const merged = mergeTrees({ listen: "x", deep: { a: 1 } }, got.value);
    noPrototypes(merged);
    const written = JSON.stringify(got.value);
    if (file === "x.json") assert.deepEqual(parseTree(written, "x.json"), JSON.parse(written));
  }
}

function readShape(text: string, lines: number, random: Random): void {
  const shape = random.pick(CORE_FILES);
  const ini = parseIni(text, shape.file);
  const both = mergeIni(parseIni("", shape.file), ini);
  for (const { settings, faults, warnings } of [applyShape(shape, ini), applyShape(shape, both)]) {
    assert.equal(typeof settings, "object");
    for (const fault of [...faults, ...warnings]) {
      assert.equal(fault.file, shape.file);
      assert.ok(
        fault.line === undefined || (fault.line >= 1 && fault.line <= lines + 1),
        `line ${fault.line}`,
      );
    }
  }
}
