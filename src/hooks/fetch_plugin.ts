/**
 * Fetches a plugin and the modules it imports relatively to disk, so that the running server only ever imports files: an import over
 * the network has no deadline, blocks all others while it hangs, and a changed file ends the process (runtime.md §G).
 *
 * Promises: nothing is imported here; all is fetched anew at each start, under one deadline and one size limit; with a pin, only
 * what was pinned is given back; `http:` from elsewhere wants a pin. Rejects with an Error that names the URL.
 */
import { concat, utf8Decode, utf8Encode } from "../base/bytes.ts";
import type { Host } from "../host/types.ts";

export interface FetchPluginOptions {
  readonly host: Pick<Host, "mkdirSync" | "writeFileSync" | "pid">;
  /** Absolute; made when missing. */
  readonly cacheDir: string;
  /** For the whole graph; default 10 s. */
  readonly timeoutMs?: number;
  /** Octets of the whole graph; default 4 MiB. */
  readonly maxBytes?: number;
  /** Lower-case hex; see {@linkcode FetchedPlugin.sha256}. */
  readonly sha256?: string;
  readonly signal?: AbortSignal;
  readonly fetch?: typeof fetch;
}
export interface FetchedPlugin {
  /** Absolute path of the main module. */
  readonly path: string;
  /** One module: its SHA-256. Several: the SHA-256 over their lines `HASH  URL\n`, in the order they were fetched. */
  readonly sha256: string;
  readonly urls: readonly string[];
}

const IMPORT = /(?:\bfrom\s*|\bimport\s*\(?\s*)(["'])([^"'\n]+)\1/g;
const MODULE_FILE = /\.(?:[cm]?[jt]s|json)$/;
const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;
let generation = 0;

export async function fetchPlugin(specifier: URL, options: FetchPluginOptions): Promise<FetchedPlugin> {
  const { host, cacheDir, timeoutMs = 10_000, maxBytes = 4 * 1024 * 1024 } = options;
  if (specifier.protocol === "http:" && options.sha256 === undefined && !LOOPBACK.test(specifier.hostname)) {
    const wanted = "https:, or the plugin's SHA-256 in plugins.ini";
    throw new Error(`Cannot fetch ${specifier.href}: anybody on the way could put code into it; wanted: ${wanted}`);
  }
  const root = `${cacheDir}/${host.pid}-${++generation}`;
  const late = AbortSignal.timeout(timeoutMs);
  const signal = options.signal === undefined ? late : AbortSignal.any([late, options.signal]);
  const main = new URL(specifier);
  main.hash = "";
  const waiting = [main];
  const seen = new Set([main.href]);
  const hashes: string[] = [];
  let left = maxBytes;
  let mainPath = "";
  for (let url = waiting.shift(); url !== undefined; url = waiting.shift()) {
    const source = await fetchModule(url, left, signal, options.fetch ?? fetch);
    left -= source.length;
    hashes.push(await sha256(source));
    const path = placeOf(url, root);
    if (mainPath === "") mainPath = path;
    host.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    host.writeFileSync(path, source);
    for (const next of importsOf(utf8Decode(source), url)) {
      if (!seen.has(next.href)) waiting.push(next);
      seen.add(next.href);
    }
  }
  const urls = [...seen];
  const hash = hashes.length === 1
    ? hashes[0]!
    : await sha256(utf8Encode(hashes.map((hash, i) => `${hash}  ${urls[i]}\n`).join("")));
  if (options.sha256 !== undefined && options.sha256.toLowerCase() !== hash) {
    throw new Error(`${specifier.href} has SHA-256 ${hash}; pinned: ${options.sha256}`);
  }
  return { path: mainPath, sha256: hash, urls };
}

async function fetchModule(
  url: URL,
  limit: number,
  signal: AbortSignal,
  get: typeof fetch,
): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const response = await get(url, { signal, redirect: "error" });
    const type = response.headers.get("content-type") ?? "";
    if (!response.ok || type.includes("text/html") || response.body === null) {
      await response.body?.cancel();
      throw new Error(response.ok ? `got ${type || "nothing"}, not a module` : `the server said ${response.status}`);
    }
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of response.body) {
      size += chunk.length;
      if (size > limit) throw new Error("larger than a plugin may be");
      chunks.push(chunk);
    }
    return concat(chunks);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`Cannot fetch ${url.href}: ${reason}`, { cause });
  }
}

/** Relative imports are followed; bare names and `npm:` are left to the import map; anything else could not be pinned. */
function importsOf(source: string, from: URL): URL[] {
  const found: URL[] = [];
  for (const match of source.matchAll(IMPORT)) {
    const specifier = match[2]!;
    if (/^\.\.?\//.test(specifier)) {
      const url = new URL(specifier, from);
      if (url.search !== "" || !MODULE_FILE.test(url.pathname)) {
        throw new Error(`${from.href} imports ${specifier}; wanted: a module's file name`);
      }
      found.push(url);
    } else if (/^(?:https?:|file:|\/)/.test(specifier)) {
      throw new Error(`${from.href} imports ${specifier}; wanted: relative, bare or npm: imports`);
    }
  }
  return found;
}

/** The path keeps the URL's folders, so that relative imports still meet. */
function placeOf(url: URL, root: string): string {
  const path = MODULE_FILE.test(url.pathname) ? url.pathname : `${url.pathname.replace(/\/$/, "/mod")}.ts`;
  return `${root}/${url.protocol.slice(0, -1)}/${url.host.replace(":", "_")}${path.replaceAll("%", "_")}`;
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
