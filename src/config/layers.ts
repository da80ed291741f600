/**
 * Where a file of the configuration is: the site's directory, over the shipped defaults; and its bytes in each of them.
 *
 * A missing file is no error; one that cannot be read is a ConfigError. Relative names may not leave the directory.
 */
import { equalBytes } from "../base/bytes.ts";
import type { Bytes } from "../base/bytes.ts";
import { ConfigError } from "../base/config_error.ts";
import type { Host } from "../host/types.ts";

/** What of a machine this room needs. */
export type ConfigHost = Pick<
  Host,
  "readFileSync" | "readDirSync" | "statSync" | "realPathSync" | "watchFs" | "hostname" | "cwd" | "errors"
>;

export interface Layer {
  /** Absolute. */
  readonly path: string;
  readonly bytes: Bytes;
}

/**
 * Shipped with values that make a try-out work on one's own machine. A site says these things itself: its server must not listen
 * elsewhere, load plugins or trust clients because a file is missing.
 */
const SITE_ONLY: ReadonlySet<string> = new Set([
  "smtp.ini",
  "smtp.json",
  "smtp.hjson",
  "smtp.yaml",
  "smtp.yml",
  "plugins",
  "me",
  "host_list",
  "relay_acl_allow",
  "internalcmd_key",
]);

export class Layers {
  readonly dir: string;
  readonly #defaultsDir: string | undefined;
  readonly #host: ConfigHost;

  constructor(host: ConfigHost, dir: string, defaultsDir?: string) {
    this.#host = host;
    this.dir = absolute(host, dir);
    const defaults = defaultsDir === undefined ? undefined : absolute(host, defaultsDir);
    this.#defaultsDir = defaults === this.dir ? undefined : defaults;
  }

  /** Path in the site's directory, or in the defaults where only they have it. */
  path(name: string): string {
    const paths = this.#paths(name);
    return paths.findLast((path) => this.#exists(path)) ?? paths.at(-1)!;
  }

  /** Defaults first, the site's last; missing ones left out. For each layer the first of `names` that exists counts. */
  read(names: readonly string[]): readonly Layer[] {
    const layers: Layer[] = [];
    for (const paths of transpose(names.map((name) => this.#paths(name)))) {
      for (const path of paths) {
        const bytes = this.#readFile(path);
        if (bytes === undefined) continue;
        layers.push({ path, bytes });
        break;
      }
    }
    return layers;
  }

  /** Every file below a directory, sorted by path. Links that lead round in a circle are followed once. */
  readTree(name: string): readonly Layer[] {
    const files: Layer[] = [];
    this.#walk(this.path(name), new Set(), (path) => {
      const bytes = this.#readFile(path);
      if (bytes !== undefined) files.push({ path, bytes });
    });
    return files.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  }

  /** Names below the site's directory, sorted. */
  names(): readonly string[] {
    const names: string[] = [];
    this.#walk(this.dir, new Set(), (path) => void names.push(path.slice(this.dir.length + 1)));
    return names.sort();
  }

  #paths(name: string): readonly string[] {
    if (isAbsolute(name)) return [name];
    const clean = normalize(name);
    if (clean === undefined) {
      throw new ConfigError({ file: name, wanted: `a path inside ${this.dir}, or an absolute one` });
    }
    const site = `${this.dir}/${clean}`;
    return this.#defaultsDir === undefined || SITE_ONLY.has(clean) ? [site] : [`${this.#defaultsDir}/${clean}`, site];
  }

  #exists(path: string): boolean {
    try {
      this.#host.statSync(path);
      return true;
    } catch {
      return false;
    }
  }

  #readFile(path: string): Bytes | undefined {
    try {
      return this.#host.readFileSync(path);
    } catch (cause) {
      if (cause instanceof this.#host.errors.NotFound || !this.#exists(path)) return undefined;
      throw new ConfigError({ file: path, wanted: "a file that can be read" }, { cause });
    }
  }

  #walk(dir: string, seen: Set<string>, visit: (path: string) => void): void {
    let entries;
    try {
      const real = this.#host.realPathSync(dir);
      if (seen.has(real)) return;
      seen.add(real);
      entries = [...this.#host.readDirSync(dir)];
    } catch (cause) {
      if (cause instanceof this.#host.errors.NotFound || !this.#exists(dir)) return;
      throw new ConfigError({ file: dir, wanted: "a directory that can be read" }, { cause });
    }
    for (const entry of entries) {
      const path = `${dir}/${entry.name}`;
      const isDirectory = entry.isDirectory ||
        (entry.isSymlink && this.#exists(path) && this.#host.statSync(path).isDirectory);
      if (isDirectory) this.#walk(path, seen, visit);
      else visit(path);
    }
  }
}

export function sameLayers(a: readonly Layer[], b: readonly Layer[]): boolean {
  return a.length === b.length &&
    a.every((layer, i) => layer.path === b[i]!.path && equalBytes(layer.bytes, b[i]!.bytes));
}

function isAbsolute(path: string): boolean {
  return path.startsWith("/") || /^[A-Za-z]:[\\/]/.test(path);
}

function absolute(host: ConfigHost, path: string): string {
  const whole = isAbsolute(path) ? path : `${host.cwd()}/${path}`;
  return whole.replace(/\/(\.\/)+/g, "/").replace(/(?<=.)[\\/.]*[\\/]+$/, "");
}

/** Without `.` and `..`; undefined when it would lead out. */
function normalize(name: string): string | undefined {
  const parts: string[] = [];
  for (const part of name.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) return undefined;
  }
  return parts.length === 0 || name.includes("\0") ? undefined : parts.join("/");
}

function transpose<T>(rows: readonly (readonly T[])[]): readonly (readonly T[])[] {
  return (rows[0] ?? []).map((_, i) => rows.map((row) => row[i]!));
}
