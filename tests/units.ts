/**
 * The unit tests, gathered: one module for each folder imports all of the folder's tests, so that what they share is loaded a score of times
 * rather than four hundred. Loading was most of the unit stage's time.
 *
 * Every folder of `tests/` is taken but those with a stage of their own: a new one is not forgotten. The modules lie in a directory of their own
 * outside of the checkout, which the caller removes.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT, sourceFiles } from "./house/source_files.ts";

/** Those with a stage of their own, and folders without tests. */
const NO_UNITS = new Set(["bench", "data", "docs", "fuzz", "house", "system", "types"]);

export function gatherUnits(): { readonly modules: readonly string[]; remove(): void } {
  const folders = new Map<string, string[]>();
  for (const file of sourceFiles("tests")) {
    if (!file.endsWith("_test.ts") || NO_UNITS.has(file.split("/")[1]!)) continue;
    const folder = dirname(file);
    folders.set(folder, [...folders.get(folder) ?? [], `import ${JSON.stringify(pathToFileURL(ROOT + file))};\n`]);
  }
  const dir = mkdtempSync(join(tmpdir(), "kasi-units-"));
  const modules = [...folders].map(([folder, lines]) => {
    const module = join(dir, `${folder.replaceAll("/", "_")}_test.ts`);
    writeFileSync(module, lines.join(""));
    return module;
  });
  return { modules, remove: () => rmSync(dir, { recursive: true, force: true }) };
}
