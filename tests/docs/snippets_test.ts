/** Every TypeScript snippet of the manual compiles against the house as it is; the README's own are in the list. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../house/source_files.ts";
import { test } from "../kit/test.ts";
import { pages, snippetsOf, writeSnippets } from "./snippets.ts";

test("every TypeScript snippet of the manual type-checks", { timeoutMs: 300_000 }, async () => {
  // Not below data/, which deno.json leaves out: a check of files there finds none, and is content.
  const dir = mkdtempSync(join(tmpdir(), "kasi-snippets-"));
  try {
    const files = writeSnippets(pages().flatMap(snippetsOf), dir);
    assert.ok(files.length > 0, "there are snippets");
    const wrong = join(dir, "wrong.ts");
    writeFileSync(wrong, 'import { deny } from "kasi";\nexport const verdict: number = deny();\n');
    const args = ["check", "--quiet", "--config", join(ROOT, "deno.json"), ...files, wrong];
    const { code, stderr } = await new Deno.Command(Deno.execPath(), { args, env: { NO_COLOR: "1" } }).output();
    const said = new TextDecoder().decode(stderr);
    // The one that is wrong on purpose is found, and no other: so they were looked at.
    assert.equal(code, 1, said);
    assert.equal([...said.matchAll(/\[ERROR\]/g)].length, 1, said);
    assert.match(said, /TS2322 \[ERROR\][\s\S]*wrong\.ts/);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
