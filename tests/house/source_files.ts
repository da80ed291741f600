/** The project's own source files and what they import, for the house tests. Paths are relative to the root, with `/`. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

const CODE = /\.(ts|mjs)$/;

/** Every code file below the given folders (or the files themselves), sorted. */
export function sourceFiles(...places: string[]): string[] {
  const found: string[] = [];
  const walk = (path: string) => {
    for (const entry of readdirSync(ROOT + path, { withFileTypes: true })) {
      const inner = `${path}/${entry.name}`;
      if (entry.isDirectory()) walk(inner);
      else if (CODE.test(entry.name)) found.push(inner);
    }
  };
  for (const place of places) CODE.test(place) ? found.push(place) : walk(place);
  return found.sort();
}

export function readSource(path: string): string {
  return readFileSync(ROOT + path, "utf8");
}

/** Specifiers of static and dynamic imports and of re-exports; comments and strings that merely look alike are not counted. */
export function importsOf(source: string): string[] {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
  const found: string[] = [];
  const pattern =
    /^\s*(?:import|export)\b[^;"'`]*?\bfrom\s*["']([^"']+)["']|^\s*import\s*["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/gm;
  for (const match of code.matchAll(pattern)) found.push((match[1] ?? match[2] ?? match[3])!);
  return found;
}

/** `src/wire/reader.ts` and `../base/bytes.ts` give `src/base/bytes.ts`; a bare specifier is returned as it is. */
export function resolveImport(from: string, specifier: string): string {
  if (!specifier.startsWith(".")) return specifier;
  return new URL(specifier, `file:///${from}`).pathname.slice(1);
}
