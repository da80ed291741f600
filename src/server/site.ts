/** Where things lie: the configuration that is read and the places that are written to. */
import { exists } from "../host/exists.ts";
import type { Host } from "../host/types.ts";

export interface Site {
  /** The site directory (`-c DIR`); undefined for the shipped configuration. */
  readonly dir: string | undefined;
  readonly configDir: string;
  /** All that is written lies below: `queue/`, `mail/`, `tls/`, `plugin-cache/`. */
  readonly dataDir: string;
}

/** The files of which a site directory must have one. */
const MARKS = ["smtp.ini", "smtp.json", "smtp.yaml"];

/** Path of a file shipped with the program; only where it runs from a file system. */
export function shippedPath(name: string): string {
  return decodeURIComponent(new URL(`../../${name}`, import.meta.url).pathname);
}

/** Throws an Error that says what is missing, as Haraka's users know it (spec 01 §2). */
export function findSite(host: Host, dir: string | undefined, dataDir?: string): Site {
  const absolute = (path: string) => absoluteIn(host.cwd(), path);
  if (dir === undefined) {
    return { dir: undefined, configDir: shippedPath("config"), dataDir: absolute(dataDir ?? "data") };
  }
  const at = absolute(dir).replace(/\/+$/, "") || "/";
  if (!exists(host, at)) throw new Error(`No such directory: ${dir}`);
  if (!MARKS.some((name) => exists(host, `${at}/config/${name}`))) throw new Error(`No smtp.ini at: ${at}/config`);
  return { dir: at, configDir: `${at}/config`, dataDir: dataDir === undefined ? at : absolute(dataDir) };
}

/** A path as configured: absolute as it is, else below `base`. */
export function absoluteIn(base: string, path: string): string {
  return path.startsWith("/") ? path : `${base}/${path}`;
}
