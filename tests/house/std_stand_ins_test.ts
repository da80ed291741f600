/** The stand-ins are reached by their JSR names only, so that taking `links` away is all it needs to run on the real packages. */
import assert from "node:assert/strict";
import { test } from "../kit/test.ts";
import { importsOf, readSource, resolveImport, sourceFiles } from "./source_files.ts";

test("nothing imports a stand-in but by its JSR name", () => {
  const wrong: string[] = [];
  for (const file of sourceFiles("mod.ts", "src", "plugins", "tests")) {
    if (file.startsWith("src/std/")) continue;
    for (const specifier of importsOf(readSource(file))) {
      if (resolveImport(file, specifier).startsWith("src/std/")) wrong.push(`${file}: ${specifier}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test("deno.jsr.json is deno.json without its links, and without the lock that records them", () => {
  const { links, lock, ...rest } = JSON.parse(readSource("deno.json"));
  assert.deepEqual(links, ["./src/std/ini", "./src/std/log", "./src/std/testing"]);
  assert.deepEqual(lock, { path: "./deno.lock", frozen: true });
  assert.deepEqual(JSON.parse(readSource("deno.jsr.json")), { ...rest, lock: false });
});

test("the import map names the packages by their JSR names, and each stand-in says which it stands for", () => {
  const { imports } = JSON.parse(readSource("import_map.json")) as { imports: { [name: string]: string } };
  for (const [specifier, target] of Object.entries(imports)) {
    if (specifier.startsWith("@std/")) assert.ok(target.startsWith(`jsr:@std/${specifier.split("/")[1]}@`), specifier);
  }
  for (const name of ["ini", "log", "testing"]) {
    assert.equal(JSON.parse(readSource(`src/std/${name}/deno.json`)).name, `@std/${name}`);
  }
});
