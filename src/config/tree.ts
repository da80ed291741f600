/** json, hjson and yaml: which file stands for a name, how it is read, how two of them are merged. */
import hjson from "hjson";
import { parse as parseYaml } from "yaml";
import { ConfigError } from "../base/config_error.ts";
import { FORBIDDEN_NAMES } from "./ini.ts";

const READERS: { readonly [ending: string]: (text: string) => unknown } = {
  json: (text) => JSON.parse(text),
  hjson: (text) => hjson.parse(text),
  yaml: (text) => parseYaml(text),
  yml: (text) => parseYaml(text),
};

/** What may stand in for a missing file of this ending, in this order. */
const STAND_INS: { readonly [ending: string]: readonly string[] } = {
  json: ["json", "hjson", "yaml", "yml"],
  hjson: ["hjson", "yaml", "yml"],
  yaml: ["yaml", "yml"],
  yml: ["yml"],
};

/** `users.json` → `users.json`, `users.hjson`, `users.yaml`, `users.yml`. Throws TypeError for an ending that names no such format. */
export function treeFileNames(name: string): readonly string[] {
  const ending = endingOf(name);
  const stem = name.slice(0, name.length - ending.length);
  const endings = Object.hasOwn(STAND_INS, ending) ? STAND_INS[ending] : undefined;
  if (endings === undefined) {
    throw new TypeError(`Not a json, hjson or yaml file: current value is ${JSON.stringify(name)}`);
  }
  return endings.map((other) => stem + other);
}

/** Throws ConfigError, with the line where the reader tells it. Names that reach into a prototype are dropped. */
export function parseTree(text: string, file: string): unknown {
  if (text.trim() === "") return {};
  try {
    return withoutForbidden(READERS[endingOf(file)]!(text));
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    const line = /line (\d+)/.exec(message)?.[1];
    const wanted = `well-formed ${endingOf(file)}: ${message.split("\n")[0]}`;
    throw new ConfigError({ file, ...(line === undefined ? {} : { line: Number(line) }), wanted }, { cause });
  }
}

/** Objects are merged key by key; of everything else `site` replaces `defaults`, unless it is null. */
export function mergeTrees(defaults: unknown, site: unknown): unknown {
  if (site === null || site === undefined) return defaults;
  if (!isObject(defaults) || !isObject(site)) return site;
  const out: { [key: string]: unknown } = { ...defaults };
  for (const [key, value] of Object.entries(site)) out[key] = mergeTrees(out[key], value);
  return out;
}

export function isObject(value: unknown): value is { readonly [key: string]: unknown } {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function endingOf(name: string): string {
  return name.slice(name.lastIndexOf(".") + 1).toLowerCase();
}

function withoutForbidden(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutForbidden);
  if (!isObject(value)) return value;
  const kept = Object.entries(value).filter(([key]) => !FORBIDDEN_NAMES.has(key));
  return Object.fromEntries(kept.map(([key, inner]) => [key, withoutForbidden(inner)]));
}
