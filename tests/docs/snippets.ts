/**
 * The TypeScript snippets of the manual as files. A fence may name the file it is: "```ts plugins/nobody.ts"; where a page names one again, that is its next
 * state, and the files before it stay as they were (`1/`, `2/`, …).
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ROOT } from "../house/source_files.ts";

const FENCE = /^```ts(?: (\S+))?\n([\s\S]*?)^```$/gm;

export interface Snippet {
  readonly page: string;
  /** As the fence says; undefined for one without a name. */
  readonly file: string | undefined;
  readonly text: string;
}

/** Markdown files of the root and of docs/. */
export function pages(): string[] {
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

export function snippetsOf(page: string): Snippet[] {
  const text = readFileSync(join(ROOT, page), "utf8");
  return [...text.matchAll(FENCE)].map(([, file, snippet]) => ({ page, file, text: snippet! }));
}

/** A snippet without imports shows a shape, not a module. */
export const isModule = ({ text }: Snippet): boolean => /^import /m.test(text);

/** Writes the modules below `dir`; gives their paths. */
export function writeSnippets(snippets: readonly Snippet[], dir: string): string[] {
  const written: string[] = [];
  const states = new Map<string, Map<string, string>[]>();
  for (const [number, snippet] of snippets.entries()) {
    if (!isModule(snippet)) continue;
    const all = states.get(snippet.page) ?? [new Map()];
    states.set(snippet.page, all);
    const file = snippet.file ?? `snippet_${number + 1}.ts`;
    if (all.at(-1)!.has(file)) all.push(new Map(all.at(-1)));
    all.at(-1)!.set(file, snippet.text);
  }
  for (const [page, all] of states) {
    for (const [i, files] of all.entries()) {
      for (const [file, text] of files) {
        const path = join(dir, page.replace(/\W+/g, "_"), `${i + 1}`, file);
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, `// ${page}\n${text}`);
        written.push(path);
      }
    }
  }
  return written;
}
