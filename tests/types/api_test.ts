/**
 * The names that `kasi` and `kasi/testing` export, as a list in `tests/data/api.json`: taking one away, or giving it another name, is an incompatible change
 * and shows up here. `KASI_WRITE=1` writes the list anew.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { test } from "../kit/test.ts";

const ROOT = new URL("../../", import.meta.url);
const LIST = new URL("tests/data/api.json", ROOT);

/** Names in `export { a, type b as c } from`; `export type * from "x"` stands for the types of that file. */
function exportsOf(file: string): string[] {
  const text = readFileSync(new URL(file, ROOT), "utf8").replace(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, "");
  const names: string[] = [];
  for (const [, list] of text.matchAll(/^export(?: type)? \{([^}]*)\}/gm)) {
    for (const item of list!.split(",").map((each) => each.trim()).filter((each) => each !== "")) {
      names.push(item.replace(/^type /, "").split(" as ").at(-1)!);
    }
  }
  for (const [, from] of text.matchAll(/^export type \* from "(.+)"/gm)) {
    names.push(...typesOf(new URL(from!, new URL(file, ROOT))));
  }
  return names.sort();
}

function typesOf(url: URL): string[] {
  const text = readFileSync(url, "utf8");
  return [...text.matchAll(/^export (?:declare )?(?:interface|type|class) (\w+)/gm)].map(([, name]) => name!);
}

test("what programs and plugins import is what the list says", () => {
  const found = { "kasi": exportsOf("mod.ts"), "kasi/testing": exportsOf("tests/kit/mod.ts") };
  if (process.env.KASI_WRITE === "1") writeFileSync(LIST, `${JSON.stringify(found, null, 2)}\n`);
  const listed = JSON.parse(readFileSync(LIST, "utf8")) as typeof found;
  assert.deepEqual(found, listed);
  assert.ok(found.kasi.length > 100 && found["kasi/testing"].length > 5);
});
