/** Every plugin is in the table of shipped ones, has its page and its test; every hook has its page; all pages are up to date. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { SHIPPED } from "../../plugins/shipped.ts";
import type { Plugin } from "../../src/hooks/plugin.ts";
import { test } from "../kit/test.ts";
import { hookPages, settingsParts, split } from "./pages.ts";
import { readSource, ROOT, sourceFiles } from "./source_files.ts";

test("the table of shipped plugins lists every plugin of plugins/ under its path, and each says its own name", async () => {
  const files = sourceFiles("plugins").filter((file) => /^export default /m.test(readSource(file)));
  const names = files.map((file) => file.slice("plugins/".length, -".ts".length)).sort();
  assert.deepEqual(Object.keys(SHIPPED).sort(), names);
  for (const [name, load] of Object.entries(SHIPPED)) {
    const plugin: Plugin = (await load()).default;
    assert.equal(plugin.name, name);
    assert.ok(plugin.about, `${name} says what it does`);
  }
});

test("every plugin has its test and its page, with words of its own and the settings of its shapes", async () => {
  for (const [page, made] of await settingsParts()) {
    const name = page.slice("docs/plugins/".length, -".md".length);
    assert.ok(existsSync(`${ROOT}tests/plugins/${name}_test.ts`), `${name} has a test`);
    const [byHand, settings] = split(readFileSync(ROOT + page, "utf8"));
    assert.ok(byHand.startsWith(`# ${name}\n`) && byHand.length > 150, `${page} has an introduction`);
    assert.equal(settings, made, `${page} is out of date: deno run -A tests/house/pages.ts`);
  }
});

test("every hook has its page, up to date, and there is no page of a hook that is gone", () => {
  const pages = hookPages();
  for (const [path, text] of pages) {
    assert.equal(readFileSync(ROOT + path, "utf8"), text, `${path} is out of date: deno run -A tests/house/pages.ts`);
  }
  for (const file of readdirSync(`${ROOT}docs/hooks`)) assert.ok(pages.has(`docs/hooks/${file}`), file);
});
