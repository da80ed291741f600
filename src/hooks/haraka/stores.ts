/** Notes and results as Haraka's plugins use them: over ours, so that both kinds of plugin see one another's. */
import type { Notes } from "../notes.ts";
import type { ResultEntry, ResultRecord, Results } from "../results.ts";

type Path = string | readonly string[];
/** A plain object, with `get` and `set` that no loop and no JSON sees. */
export type NotesFace = Record<string, unknown> & {
  get(path: Path): unknown;
  set(path: Path, value: unknown, onlyIfUndefined?: boolean): void;
};

export function notesFace(notes: Notes): NotesFace {
  const root = notes.toJSON() as NotesFace;
  if (!Object.hasOwn(root, "set")) {
    hidden(root, "get", (path: Path) => notes.get(path));
    hidden(root, "set", (path: Path, value: unknown, only?: boolean) => notes.set(path, value, only));
  }
  return root;
}

/** Writable, so that a plugin's own note of that name still works. */
export function hidden(on: object, name: string, value: unknown): void {
  Object.defineProperty(on, name, { value, writable: true, configurable: true, enumerable: false });
}

type Owner = string | { readonly name: string };

export class ResultsFace {
  readonly #results: Results;
  constructor(results: Results) {
    this.#results = results;
  }
  add(plugin: Owner, entry: ResultEntry): void {
    this.#results.add(plugin, entry);
  }
  incr(plugin: Owner, counts: { readonly [key: string]: number }): void {
    this.#results.incr(plugin, counts);
  }
  push(plugin: Owner, values: { readonly [key: string]: unknown }): void {
    this.#results.push(plugin, values);
  }
  get(plugin: Owner): ResultRecord | undefined {
    return this.#results.get(plugin);
  }
  get_all(): Readonly<Record<string, ResultRecord>> {
    return this.#results.getAll();
  }
  has(plugin: Owner, list: string, wanted: string | RegExp): boolean {
    return this.#results.has(plugin, list, wanted);
  }
  collate(plugin: Owner): string {
    return this.#results.collate(plugin);
  }
}
