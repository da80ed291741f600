/** Whether a module is the program itself, under both doors. `import.meta.main` is Deno's and Node 24's; older Nodes are asked by path. */
import { realpathSync } from "node:fs";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { isMainThread } from "node:worker_threads";

export function isMainModule(meta: { readonly url: string; readonly main?: boolean }): boolean {
  // A worker's process has the same arguments; it is none the less not that program.
  if (!isMainThread) return false;
  if (typeof meta.main === "boolean") return meta.main;
  const script = process.argv[1];
  if (script === undefined) return false;
  try {
    return pathToFileURL(realpathSync(script)).href === meta.url;
  } catch {
    return false;
  }
}
