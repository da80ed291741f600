/**
 * `this.config` of a Haraka plugin (spec 01 §4): `get(name, [type], [callback], [options])`, at once, over our configuration.
 *
 * A callback is kept once per file and kind, the last one given: plugins give it again each time it is called. An unknown kind throws.
 */
import type { Ini } from "../../config/ini.ts";
import type { Config, Live, Untyped } from "../../config/types.ts";
import type { CommonJs } from "../../host/types.ts";

type Kind = keyof Untyped;
interface Options {
  readonly booleans?: readonly string[];
}

const BY_ENDING: { readonly [ending: string]: Kind } = {
  ini: "ini",
  json: "tree",
  hjson: "tree",
  yaml: "tree",
  yml: "tree",
  pem: "binary",
  bin: "binary",
};
const KINDS: { readonly [type: string]: Kind } = {
  ini: "ini",
  json: "tree",
  hjson: "tree",
  yaml: "tree",
  list: "list",
  data: "data",
  value: "value",
  binary: "binary",
};
const TRUE = /^(?:true|yes|ok|enabled|on|1)$/i;

export class ConfigFace {
  readonly #config: Config;
  readonly #commonJs: CommonJs;
  readonly #listening = new Map<string, () => void>();

  constructor(config: Config, commonJs: CommonJs) {
    this.#config = config;
    this.#commonJs = commonJs;
  }

  get(name: string, ...rest: unknown[]): unknown {
    const type = rest.find((one) => typeof one === "string") as string | undefined;
    const changed = rest.find((one) => typeof one === "function") as (() => void) | undefined;
    const options = (rest.find((one) => typeof one === "object" && one !== null) ?? {}) as Options;
    const kind = type === undefined ? BY_ENDING[/\.(\w+)$/.exec(name)?.[1] ?? ""] ?? "value" : KINDS[type];
    if (kind === undefined) {
      throw new TypeError(`Cannot read ${name} as ${type}; wanted one of: ${Object.keys(KINDS).join(", ")}`);
    }
    // Where json is asked for by word alone, the name has no ending to tell by.
    if (kind === "tree" && BY_ENDING[/\.(\w+)$/.exec(name)?.[1] ?? ""] !== "tree") return this.#json(name, changed);
    const live = this.#config.untyped(kind, name);
    this.#listen(`${kind} ${name}`, live, changed);
    return this.#shown(kind, live.value, options);
  }

  getInt(name: string, fallback?: number): number {
    const found = parseInt(String(this.get(name) ?? ""), 10);
    return Number.isNaN(found) ? fallback ?? NaN : found;
  }

  /** Calls back with `{ path, data }` of every file below a directory, now and after each change. */
  getDir(
    name: string,
    _options: unknown,
    found?: (error: unknown, files: readonly unknown[]) => void,
  ): Promise<unknown> {
    const show = (files: readonly { readonly path: string; readonly data: Uint8Array }[]) =>
      files.map(({ path, data }) => ({ path, data: this.#commonJs.buffer(data) }));
    return this.#config.directory(name).then((live) => {
      if (found !== undefined) this.#listen(`directory ${name}`, live, () => found(null, show(live.value)));
      found?.(null, show(live.value));
      return show(live.value);
    });
  }

  module_config(defaultsDir: string, _overridesDir?: string): ConfigFace {
    return new ConfigFace(this.#config.over(`${defaultsDir}/config`), this.#commonJs);
  }

  close(): void {
    for (const stop of this.#listening.values()) stop();
    this.#listening.clear();
  }

  #listen(key: string, live: Live<unknown>, changed: (() => void) | undefined): void {
    if (changed === undefined) return;
    this.#listening.get(key)?.();
    this.#listening.set(key, live.onChange(() => changed()));
  }

  #json(name: string, changed: (() => void) | undefined): unknown {
    const live = this.#config.untyped("data", name);
    this.#listen(`data ${name}`, live, changed);
    const text = live.value.join("\n");
    return text.trim() === "" ? {} : JSON.parse(text);
  }

  #shown(kind: Kind, value: unknown, options: Options): unknown {
    switch (kind) {
      case "ini":
        return plainIni(value as Ini, options.booleans ?? []);
      case "value":
        return value === undefined ? null : scalar(value as string);
      case "binary":
        return value === undefined ? null : this.#commonJs.buffer(value as Uint8Array);
      case "list":
      case "data":
        // Plugins edit their lists.
        return [...value as readonly string[]];
      case "tree":
        return structuredClone(value);
    }
  }
}

/** Numbers become numbers, as Haraka has it; only what its loader takes for one. */
function scalar(text: string): string | number {
  return /^-?\d+$/.test(text) || /^-?\d+\.\d+$/.test(text) ? Number(text) : text;
}

function plainIni(ini: Ini, booleans: readonly string[]): Record<string, Record<string, unknown>> {
  const plain: Record<string, Record<string, unknown>> = {};
  for (const [name, section] of ini.sections) {
    const keys: Record<string, unknown> = plain[name] = {};
    for (const [key, { value }] of section) {
      keys[key] = typeof value === "string" ? scalar(value) : value === undefined ? undefined : value.map(scalar);
    }
  }
  for (const entry of booleans) {
    const [, sign, path] = /^([+-]?)(.*)$/.exec(entry)!;
    const dot = path!.lastIndexOf(".");
    const section = dot < 0 ? "main" : path!.slice(0, dot);
    const key = path!.slice(dot + 1);
    if (section === "*") {
      for (const keys of Object.values(plain)) if (Object.hasOwn(keys, key)) keys[key] = TRUE.test(String(keys[key]));
      continue;
    }
    const keys = plain[section] ??= {};
    keys[key] = keys[key] === undefined ? sign === "+" : TRUE.test(String(keys[key]));
  }
  return plain;
}
