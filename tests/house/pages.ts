/**
 * The pages of `docs/hooks/` and the settings part of those of `docs/plugins/`, as they should be.
 *
 * `deno run -A tests/house/pages.ts` writes them; `plugins_test.ts` checks that nobody forgot to.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { renderManual } from "../../src/config/manual.ts";
import { HOOK_PROSE, renderHook } from "../../src/hooks/manual.ts";
import type { EngineHooks } from "../../src/hooks/points.ts";
import type { Plugin } from "../../src/hooks/plugin.ts";
import { SHIPPED } from "../../plugins/shipped.ts";
import { ROOT } from "./source_files.ts";

/** What stands above is written by hand, what stands below is made. */
export const MARK = "<!-- Settings: made from the plugin's shapes by `deno run -A tests/house/pages.ts`. -->";

export function hookPages(): Map<string, string> {
  const names = Object.keys(HOOK_PROSE) as (keyof EngineHooks)[];
  const index = names.map((name) => `- [${name}](${name}.md): runs ${HOOK_PROSE[name].when}`).join("\n");
  return new Map([
    [
      "docs/hooks/README.md",
      `# Hooks\n\nMade from the rules of the engine. In the order of a server's and a mail's life:\n\n${index}\n`,
    ],
    ...names.map((name) => [`docs/hooks/${name}.md`, renderHook(name)] as const),
  ]);
}

/** Page → what should stand behind its mark. */
export async function settingsParts(): Promise<Map<string, string>> {
  const parts = new Map<string, string>();
  for (const [name, load] of Object.entries(SHIPPED)) {
    const plugin: Plugin = (await load()).default;
    const tables = (plugin.files ?? []).map((file) => renderManual(file).replace(/^#/gm, "##").trimEnd());
    parts.set(`docs/plugins/${name}.md`, tables.length === 0 ? "No settings file of its own." : tables.join("\n\n"));
  }
  return parts;
}

export function split(page: string): [byHand: string, made: string] {
  const at = page.indexOf(MARK);
  return at === -1 ? [page, ""] : [page.slice(0, at).trim(), page.slice(at + MARK.length).trim()];
}

async function write(): Promise<void> {
  const put = (path: string, text: string) => {
    mkdirSync(ROOT + path.slice(0, path.lastIndexOf("/")), { recursive: true });
    writeFileSync(ROOT + path, text);
  };
  for (const [path, text] of hookPages()) put(path, text);
  for (const [path, made] of await settingsParts()) {
    const [byHand] = split(existsSync(ROOT + path) ? readFileSync(ROOT + path, "utf8") : "");
    put(path, `${byHand}\n\n${MARK}\n\n${made}\n`);
  }
}

if (import.meta.main) await write();
