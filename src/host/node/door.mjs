/**
 * The door for Node: `node --import ./src/host/node/door.mjs mod.ts`.
 *
 * Reads the same import_map.json and the same `links` of deno.json as Deno does, so that bare names lead to the same modules:
 * `kasi` → mod.ts, `@std/ini` → its linked stand-in, `npm:name@1/path` → node_modules. Types are stripped by Node itself.
 * Needs Node 22.18 or newer. Plain JavaScript, because it runs before anything else can.
 */
import { existsSync, readFileSync } from "node:fs";
import { registerHooks } from "node:module";

const ROOT = new URL("../../../", import.meta.url);
const json = (url) => JSON.parse(readFileSync(url, "utf8"));
const map = json(new URL("import_map.json", ROOT)).imports;
const prefixes = Object.keys(map).filter((key) => key.endsWith("/")).sort((a, b) => b.length - a.length);

/** Package name → what its `exports` says, as URLs by subpath ("." is the package itself). */
const linked = new Map();
for (const link of json(new URL("deno.json", ROOT)).links ?? []) {
  const folder = new URL(`${link}/`, ROOT);
  const manifest = json(new URL("deno.json", folder));
  const exports = typeof manifest.exports === "string" ? { ".": manifest.exports } : manifest.exports;
  linked.set(
    manifest.name,
    Object.fromEntries(Object.entries(exports).map(([at, to]) => [at, new URL(to, folder).href])),
  );
}

/** `npm:@scope/name@^1/path` → scope and name, path. */
const PACKAGE = /^(npm|jsr):\/?((?:@[^/@]+\/)?[^/@]+)(?:@[^/]*)?(?:\/(.*))?$/;

function mapped(specifier) {
  if (specifier in map) return map[specifier];
  const prefix = prefixes.find((each) => specifier.startsWith(each));
  return prefix === undefined ? specifier : map[prefix] + specifier.slice(prefix.length);
}

registerHooks({
  resolve(specifier, context, next) {
    const bare = !/^(\.{0,2}\/|[a-z][a-z0-9+.-]*:)/i.test(specifier);
    const target = bare ? mapped(specifier) : specifier;
    if (bare && /^\.{1,2}\//.test(target)) return next(new URL(target, ROOT).href, context);
    const [, kind, name, path] = PACKAGE.exec(target) ?? [];
    if (name === undefined) return next(target, context);
    const stand = linked.get(name)?.[path === undefined ? "." : `./${path}`];
    if (stand !== undefined) return next(stand, context);
    if (kind === "jsr") {
      throw new Error(
        `Cannot import ${specifier}: ${target} is not linked in deno.json, and Node cannot load jsr: modules`,
      );
    }
    // From the root, so that a plugin kept elsewhere finds the house's packages too.
    return next(path === undefined ? name : `${name}/${path}`, { ...context, parentURL: new URL("mod.ts", ROOT).href });
  },
});

if (!existsSync(new URL("node_modules", ROOT))) {
  console.error("Kasi under Node needs its packages: run `npm install` first.");
}
