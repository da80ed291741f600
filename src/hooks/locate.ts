/**
 * Where a plugin of `config/plugins` lies. A specifier is a bare name (`rcpt_to.in_host_list`, `queue/maildir`), a path, or a URL:
 * `file:`, `https:`, `http:`, `npm:`, `jsr:`, `data:`.
 *
 * A bare name is looked for in the site directory first (`plugins/NAME.ts|.js|.mjs`, `plugins/NAME/mod.ts`, then the packages of its
 * `node_modules`, and the directory `haraka-plugin-NAME` beside the site), then among the shipped plugins, then in the packages of the
 * program's own `node_modules`; the first one found wins.
 */
import type { Host } from "../host/types.ts";

export type Located =
  /** Shipped with the server. */
  | { readonly kind: "shipped"; readonly name: string }
  /** To be imported as it is. */
  | {
    readonly kind: "module";
    readonly url: string;
    readonly from: string;
    /** Where the `package.json` lies that it was found by, and its `type`. */
    readonly packageDir?: string;
    readonly packageType?: unknown;
  }
  /** To be fetched to disk first. */
  | { readonly kind: "remote"; readonly url: URL };

export interface Places {
  readonly host: Pick<Host, "statSync" | "readTextFileSync" | "cwd">;
  /** The site directory (`-c DIR`); absent without one. */
  readonly siteDir?: string;
  readonly isShipped: (name: string) => boolean;
  /** Where this program lies, when on disk. */
  readonly programDir?: string;
}

const MODULE_FILES = [".ts", ".js", ".mjs", ".cjs", "/mod.ts"] as const;

/** `name` as {@linkcode pluginName} gives it. Undefined: there is none. Throws for a package whose `package.json` cannot be read. */
export function locate(name: string, places: Places): Located | undefined {
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(name)?.[1]?.toLowerCase();
  if (scheme === "https" || scheme === "http") return { kind: "remote", url: new URL(name) };
  if (scheme !== undefined) return { kind: "module", url: name, from: scheme === "data" ? "data:" : name };
  if (name.startsWith("/") || /^\.\.?\//.test(name)) return file(absolute(name, places), places);
  const { programDir } = places;
  return inSite(name, places) ?? (places.isShipped(name) ? { kind: "shipped", name } : undefined) ??
    (programDir === undefined
      ? undefined
      : inPackage([`${programDir}/node_modules/haraka-plugin-${name}`], name, places));
}

/** The path of a `file:` URL. */
export function pathOfUrl(url: string): string {
  return decodeURIComponent(new URL(url).pathname);
}

/** `file:` URL of an absolute path. */
export function fileUrl(path: string): string {
  return "file://" + path.split("/").map(encodeURIComponent).join("/");
}

function inSite(name: string, places: Places): Located | undefined {
  const { siteDir } = places;
  // A name is no path: it may go down (`queue/maildir`) but not up.
  if (siteDir === undefined || name.split("/").includes("..")) return undefined;
  for (const ending of MODULE_FILES) {
    const path = `${siteDir}/plugins/${name}${ending}`;
    if (isFile(path, places)) return { kind: "module", url: fileUrl(path), from: path };
  }
  const parent = siteDir.slice(0, siteDir.lastIndexOf("/"));
  const dirs = [
    `${siteDir}/node_modules/haraka-plugin-${name}`,
    `${parent}/haraka-plugin-${name}`,
    `${siteDir}/plugins/${name}`,
    `${siteDir}/node_modules/${name}`,
  ];
  return inPackage(dirs, name, places);
}

function inPackage(dirs: readonly string[], name: string, places: Places): Located | undefined {
  if (name.split("/").includes("..")) return undefined;
  for (const packageDir of dirs) {
    const found = packageMain(packageDir, places);
    if (found === undefined) continue;
    const { main, type } = found;
    return { kind: "module", url: fileUrl(main), from: main, packageDir, packageType: type };
  }
  return undefined;
}

function packageMain(dir: string, places: Places): { readonly main: string; readonly type: unknown } | undefined {
  const path = `${dir}/package.json`;
  if (!isFile(path, places)) return undefined;
  const described = JSON.parse(places.host.readTextFileSync(path)) as Record<string, unknown>;
  const exported = described.exports;
  const entry = typeof exported === "string"
    ? exported
    : (exported as Record<string, unknown> | undefined)?.["."] ?? described.module ?? described.main ?? "index.js";
  const main = typeof entry === "string"
    ? entry
    : ["import", "default", "require"].map((way) => (entry as Record<string, unknown>)[way]).find((main) => main);
  if (typeof main !== "string") throw new Error(`${path} names no main module`);
  const at = `${dir}/${main.replace(/^\.\//, "")}`;
  const mainFile = isFile(at, places) ? at : isFile(`${at}.js`, places) ? `${at}.js` : at;
  return { main: mainFile, type: described.type };
}

function file(path: string, places: Places): Located | undefined {
  if (isFile(path, places)) return { kind: "module", url: fileUrl(path), from: path };
  const found = MODULE_FILES.map((ending) => path + ending).find((path) => isFile(path, places));
  return found === undefined ? undefined : { kind: "module", url: fileUrl(found), from: found };
}

/** Paths are meant from the site directory on. */
function absolute(path: string, places: Places): string {
  const parts: string[] = [];
  const whole = path.startsWith("/") ? path : `${places.siteDir ?? places.host.cwd()}/${path}`;
  for (const part of whole.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

function isFile(path: string, places: Places): boolean {
  try {
    return places.host.statSync(path).isFile;
  } catch {
    return false;
  }
}
