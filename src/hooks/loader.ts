/**
 * Loads the plugins of `config/plugins` in their order.
 *
 * A plugin that cannot be found, fetched, imported or understood stops the start with a {@linkcode PluginError} that names it, unless
 * `ignoreBad` is set: then it is logged as CRIT and left out.
 */
import { nearestName } from "../config/nearest.ts";
import type { CommonJs, Host } from "../host/types.ts";
import type { Logger } from "../log/types.ts";
import { type AdapterContext, CommonJsFile, toPlugin } from "./adapters.ts";
import { fetchPlugin } from "./fetch_plugin.ts";
import { isCommonJs } from "./haraka/is_commonjs.ts";
import { fileUrl, locate, type Located, pathOfUrl } from "./locate.ts";
import type { Plugin } from "./plugin.ts";
import { pluginName } from "./plugin_names.ts";

type Module = Readonly<Record<string, unknown>>;
/** Name → its import, as `plugins/shipped.ts` lists them. */
export type ShippedPlugins = { readonly [name: string]: () => Promise<Module> };

export interface LoaderOptions {
  readonly host: Host;
  readonly log: Logger;
  readonly shipped: ShippedPlugins;
  readonly siteDir?: string;
  /** Where plugins from the network are kept; absolute. */
  readonly cacheDir: string;
  /** URL → SHA-256, for plugins from the network. */
  readonly pins?: { readonly [url: string]: string | undefined };
  /** `smtp.ini` ignore_bad_plugins. */
  readonly ignoreBad?: boolean;
  readonly fetchTimeoutMs?: number;
  readonly signal?: AbortSignal;
  readonly fetch?: typeof fetch;
  /** For plugins written for Haraka; without it there can be none. Asked for when the first is set up. */
  readonly commonJs?: () => Promise<CommonJs>;
  /** Where this program lies, when on disk: its own `node_modules` is the last place looked at. */
  readonly programDir?: string;
}

export interface LoadedPlugin {
  /** The name it is known by: as listed, without the prefix, its retired name replaced. */
  readonly name: string;
  readonly plugin: Plugin;
  /** Where it came from, for `kasi -l`. */
  readonly from: string;
}

/** A plugin that does not load or does not start. */
export class PluginError extends Error {
  override readonly name = "PluginError";
  readonly plugin: string;
  constructor(plugin: string, cause: unknown) {
    super(
      `Loading plugin ${plugin} failed: ${cause instanceof Error ? cause.message : String(cause)}${placeIn(cause)}`,
      {
        cause,
      },
    );
    this.plugin = plugin;
  }
}

/** Where in the plugin's own file it went wrong, ` (file:line:column)`; "" when that is not known or said already. */
function placeIn(cause: unknown): string {
  if (!(cause instanceof Error)) return "";
  // Node writes the file of a syntax error in front of the stack, as a plain path.
  const place = /(?:file:\/\/|^)(\/[^\s()]+?:\d+(?::\d+)?)/m;
  if (place.test(cause.message)) return "";
  const first = place.exec(cause.stack ?? "")?.[1];
  return first === undefined || first.startsWith(OURS) ? "" : ` (${first})`;
}
const OURS = new URL("../", import.meta.url).pathname;

export async function loadPlugins(listed: readonly string[], options: LoaderOptions): Promise<LoadedPlugin[]> {
  const loaded = new Map<string, LoadedPlugin>();
  for (const entry of listed) {
    const { name, was } = pluginName(entry);
    if (was !== undefined) {
      options.log.notice(`${was} has been replaced by '${name}'. Please update config/plugins`);
    }
    // Several retired names may have one successor.
    if (loaded.has(name)) continue;
    try {
      loaded.set(name, await loadPlugin(name, options));
    } catch (cause) {
      const error = new PluginError(name, cause);
      if (!options.ignoreBad) throw error;
      options.log.crit(error.message);
    }
  }
  return [...loaded.values()];
}

async function loadPlugin(name: string, options: LoaderOptions): Promise<LoadedPlugin> {
  const { host, shipped, siteDir, programDir, commonJs } = options;
  const isShipped = (name: string) => Object.hasOwn(shipped, name);
  const site = siteDir === undefined ? {} : { siteDir };
  const located = locate(name, { host, isShipped, ...site, ...(programDir === undefined ? {} : { programDir }) });
  if (located === undefined) {
    const nearest = nearestName(name, Object.keys(shipped));
    throw new Error(
      "there is no such plugin; wanted: the name of a shipped plugin, a file below plugins/, a path or a URL" +
        (nearest === undefined ? "" : ` (did you mean "${nearest}"?)`),
    );
  }
  const { module, from } = await importPlugin(located, options);
  const context: AdapterContext | undefined = commonJs && { host, shipped, commonJs, ...site };
  return { name, plugin: toPlugin(module, name, context), from };
}

async function importPlugin(located: Located, options: LoaderOptions): Promise<{ module: Module; from: string }> {
  switch (located.kind) {
    case "shipped":
      return { module: await options.shipped[located.name]!(), from: "shipped" };
    case "module":
      return { module: commonJsFile(located, options) ?? await importUnlocked(located.url), from: located.from };
    case "remote": {
      const { href } = located.url;
      const { host, cacheDir, signal, fetchTimeoutMs } = options;
      const sha256 = options.pins?.[href];
      const fetched = await fetchPlugin(located.url, {
        host,
        cacheDir,
        ...(sha256 !== undefined && { sha256 }),
        ...(signal !== undefined && { signal }),
        ...(fetchTimeoutMs !== undefined && { timeoutMs: fetchTimeoutMs }),
        ...(options.fetch !== undefined && { fetch: options.fetch }),
      });
      options.log.notice(`Plugin ${href} has SHA-256 ${fetched.sha256}${sha256 === undefined ? " (not pinned)" : ""}`);
      return { module: await import(fileUrl(fetched.path)), from: href };
    }
  }
}

/** Not imported: its scope is made when it is set up. Undefined for an ES module. */
function commonJsFile(
  located: Extract<Located, { kind: "module" }>,
  { host, commonJs }: LoaderOptions,
): Module | undefined {
  const { url, packageDir, packageType } = located;
  if (commonJs === undefined || !/^file:.*\.c?js$/.test(url)) return undefined;
  const path = pathOfUrl(url);
  if (!isCommonJs(path, host.readTextFileSync(path), packageType)) return undefined;
  return { default: new CommonJsFile(packageDir === undefined ? { path } : { path, packageDir }) };
}

/** A package that the frozen lock of the program does not know is a page of differences to Deno; here it is a sentence. */
async function importUnlocked(url: string): Promise<Module> {
  try {
    return await import(url);
  } catch (cause) {
    if (!(cause instanceof Error) || !/lockfile is out of date/i.test(cause.message)) throw cause;
    throw new Error(`${url} is not in the frozen deno.lock; start Deno with --frozen=false or --no-lock to use it`, {
      cause,
    });
  }
}
