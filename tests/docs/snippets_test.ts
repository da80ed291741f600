/** Every TypeScript snippet of the manual compiles against the house as it is; the README's own are in the list. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../house/source_files.ts";
import { test } from "../kit/test.ts";

const FENCE = /^```ts\n([\s\S]*?)^```$/gm;

/** Markdown files of the root and of docs/. */
function pages(): string[] {
  const found = readdirSync(ROOT).filter((name) => name.endsWith(".md"));
  const walk = (dir: string) => {
    for (const entry of readdirSync(join(ROOT, dir), { withFileTypes: true })) {
      if (entry.isDirectory()) walk(`${dir}/${entry.name}`);
      else if (entry.name.endsWith(".md")) found.push(`${dir}/${entry.name}`);
    }
  };
  if (existsSync(join(ROOT, "docs"))) walk("docs");
  return found.sort();
}

test("every TypeScript snippet of the manual type-checks", { timeoutMs: 120_000 }, async () => {
  const dir = join(ROOT, "data", "snippets");
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  const files: string[] = [];
  for (const page of pages()) {
    let number = 0;
    for (const match of readFileSync(join(ROOT, page), "utf8").matchAll(FENCE)) {
      const file = join(dir, `${page.replace(/\W+/g, "_")}_${++number}.ts`);
      // A snippet without imports shows a shape, not a module.
      if (!/^import /m.test(match[1]!)) continue;
      writeFileSync(file, `// ${page}, snippet ${number}\n${match[1]}`);
      files.push(file);
    }
  }
  assert.ok(files.length > 0, "there are snippets");
  const args = ["check", "--quiet", "--config", join(ROOT, "deno.json"), ...files];
  const { code, stderr } = await new Deno.Command(Deno.execPath(), { args, env: { NO_COLOR: "1" } }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  rmSync(dir, { recursive: true, force: true });
});
