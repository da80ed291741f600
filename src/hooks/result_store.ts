/**
 * What plugins found out, by plugin: on every session and every transaction (spec 01 §12).
 *
 * The five lists append, other keys overwrite. An `err` is logged as ERROR at once; `emit` logs the summary at INFO. Nothing throws.
 */
import type { Logger } from "../log/types.ts";
import type { ResultRoom, SummaryStyle } from "./result_room.ts";
import type { ResultEntry, ResultRecord, Results } from "./results.ts";

const LISTS = ["pass", "fail", "msg", "err", "skip"] as const;
type ListName = typeof LISTS[number];
/** Keys of an entry that say how to log it and are not kept. */
const DIRECTIVES = new Set(["emit", "human", "hide", "order"]);
const FORBIDDEN = new Set(["__proto__", "constructor", "prototype"]);

export interface ResultStoreOptions {
  /** Of the session or transaction. */
  readonly id: string;
  readonly room: ResultRoom;
}

type Owner = string | { readonly name: string };
const nameOf = (owner: Owner): string => typeof owner === "string" ? owner : owner.name;

export class ResultStore implements Results {
  readonly #log: Logger;
  readonly #options: ResultStoreOptions | undefined;
  readonly #records: Record<string, ResultRecord> = Object.create(null);

  /** Without `options` nothing is published, and summaries are printed in the standard way. */
  constructor(log: Logger, options?: ResultStoreOptions) {
    this.#log = log;
    this.#options = options;
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
    if (this.#options?.room.busy) this.#publish(plugin, entry);
    if (entry.err !== undefined) {
      this.#log.child({ origin: plugin }).error(texts(entry.err).join(", "));
    }
    if (entry.emit) this.#log.child({ origin: plugin }).info(entry.human ?? this.#summary(plugin, entry));
  }

  incr(owner: Owner, counts: { readonly [key: string]: number }): void {
    const plugin = nameOf(owner);
    const record = this.#record(plugin);
    for (const [key, by] of Object.entries(counts)) {
      if (isList(key) || FORBIDDEN.has(key)) continue;
      const before = Number(record[key] ?? 0);
      record[key] = (Number.isNaN(before) ? 0 : before) + by;
    }
    if (this.#options?.room.busy) this.#publish(plugin, counts);
  }

  push(owner: Owner, values: { readonly [key: string]: unknown }): void {
    const plugin = nameOf(owner);
    const record = this.#record(plugin);
    for (const [key, value] of Object.entries(values)) {
      if (FORBIDDEN.has(key)) continue;
      const there = record[key];
      const list: unknown[] = Array.isArray(there) ? there : record[key] = there === undefined ? [] : [there];
      if (Array.isArray(value)) list.push(...value);
      else list.push(value);
    }
    if (this.#options?.room.busy) this.#publish(plugin, values);
  }

  /** What was found out is of somebody else. */
  forget(): void {
    for (const plugin of Object.keys(this.#records)) delete this.#records[plugin];
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
    return this.#summary(nameOf(owner), {});
  }

  #summary(plugin: string, asked: SummaryStyle): string {
    const record = this.#records[plugin];
    if (record === undefined) return "";
    const style = this.#options?.room.style(plugin);
    const { hide = style?.hide ?? [], order = style?.order ?? [] } = asked;
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

  /** Directives left out, faults as their texts: what JSON can say. */
  #publish(plugin: string, given: { readonly [key: string]: unknown }): void {
    const { id, room } = this.#options!;
    const kept = Object.entries(given).filter(([key, value]) => value !== undefined && !DIRECTIVES.has(key));
    const result = Object.fromEntries(
      kept.map(([key, value]) => [key, value instanceof Error ? value.message : value]),
    );
    room.changed({ id, plugin, result }, this.#log);
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
