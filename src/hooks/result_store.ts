/**
 * What plugins found out, by plugin: on every session and every transaction (spec 01 §12).
 *
 * The five lists append, other keys overwrite. An `err` is logged as ERROR at once; `emit` logs the summary at INFO. Nothing throws.
 */
import type { Logger } from "../log/types.ts";
import type { ResultEntry, ResultRecord, Results } from "./results.ts";

const LISTS = ["pass", "fail", "msg", "err", "skip"] as const;
type ListName = typeof LISTS[number];
/** Keys of an entry that say how to log it and are not kept. */
const DIRECTIVES = new Set(["emit", "human", "hide", "order"]);
const FORBIDDEN = new Set(["__proto__", "constructor", "prototype"]);

/** How a plugin's summary is printed (`results.ini`). */
export interface SummaryStyle {
  /** Keys left out. */
  readonly hide?: readonly string[];
  /** Keys to be printed first, in this order. */
  readonly order?: readonly string[];
}
export interface ResultStoreOptions {
  readonly style?: (plugin: string) => SummaryStyle | undefined;
}

type Owner = string | { readonly name: string };
const nameOf = (owner: Owner): string => typeof owner === "string" ? owner : owner.name;

export class ResultStore implements Results {
  readonly #log: Logger;
  readonly #style: ResultStoreOptions["style"];
  readonly #records: Record<string, ResultRecord> = Object.create(null);

  constructor(log: Logger, options: ResultStoreOptions = {}) {
    this.#log = log;
    this.#style = options.style;
  }

  add(owner: Owner, entry: ResultEntry): void {
    const plugin = nameOf(owner);
    const record = this.#record(plugin);
    for (const key of Object.keys(entry)) {
      const value = entry[key];
      if (value === undefined || DIRECTIVES.has(key) || FORBIDDEN.has(key)) continue;
      if (isList(key)) record[key].push(...texts(value));
      else record[key] = value;
    }
    if (entry.err !== undefined) {
      this.#log.child({ origin: plugin }).error(texts(entry.err).join(", "));
    }
    if (entry.emit) this.#log.child({ origin: plugin }).info(this.collate(plugin));
  }

  incr(owner: Owner, counts: { readonly [key: string]: number }): void {
    const record = this.#record(nameOf(owner));
    for (const [key, by] of Object.entries(counts)) {
      if (isList(key) || FORBIDDEN.has(key)) continue;
      const before = Number(record[key] ?? 0);
      record[key] = (Number.isNaN(before) ? 0 : before) + by;
    }
  }

  push(owner: Owner, values: { readonly [key: string]: unknown }): void {
    const record = this.#record(nameOf(owner));
    for (const [key, value] of Object.entries(values)) {
      if (FORBIDDEN.has(key)) continue;
      const there = record[key];
      const list: unknown[] = Array.isArray(there) ? there : record[key] = there === undefined ? [] : [there];
      if (Array.isArray(value)) list.push(...value);
      else list.push(value);
    }
  }

  get(owner: Owner): ResultRecord | undefined {
    return this.#records[nameOf(owner)];
  }

  getAll(): Readonly<Record<string, ResultRecord>> {
    return this.#records;
  }

  has(owner: Owner, list: string, wanted: string | RegExp): boolean {
    const there = this.get(owner)?.[list];
    const values = Array.isArray(there) ? there : there === undefined ? [] : [there];
    if (typeof wanted === "string") return values.some((value) => String(value) === wanted);
    return values.some((value) => String(value).search(wanted) !== -1);
  }

  collate(owner: Owner): string {
    const plugin = nameOf(owner);
    const record = this.#records[plugin];
    if (record === undefined) return "";
    const { hide = [], order = [] } = this.#style?.(plugin) ?? {};
    const rest = Object.keys(record).filter((key) => !isList(key) && !key.startsWith("_"));
    const keys = new Set([...order.filter((key) => Object.hasOwn(record, key)), ...rest, ...LISTS]);
    const parts: string[] = [];
    for (const key of keys) {
      const value = record[key];
      if (hide.includes(key) || (Array.isArray(value) && value.length === 0)) continue;
      const text = Array.isArray(value) ? value.map(readable).join(", ") : readable(value);
      parts.push(isList(key) ? `${key}:${text}` : `${key}: ${text}`);
    }
    return parts.join(", ");
  }

  toJSON(): Readonly<Record<string, ResultRecord>> {
    return this.#records;
  }

  #record(plugin: string): ResultRecord {
    return this.#records[plugin] ??= { pass: [], fail: [], msg: [], err: [], skip: [] };
  }
}

function isList(key: string): key is ListName {
  return (LISTS as readonly string[]).includes(key);
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.map(readable) : [readable(value)];
}

function readable(value: unknown): string {
  if (value instanceof Error) return value.message;
  return typeof value === "object" && value !== null ? JSON.stringify(value) ?? "" : String(value);
}
