/**
 * `!file` keys: a json, hjson or yaml file may hold other files of the configuration, `{"!smtp.ini": {"main": {"nodes": 1}}}`.
 *
 * `smtp.json` is asked before anything else, so that one file can be a whole site.
 */
import type { Override } from "./formats.ts";
import { isObject } from "./tree.ts";

export class Overrides {
  readonly #bySource = new Map<string, ReadonlyMap<string, Override>>();

  find(name: string): Override | undefined {
    for (const overrides of this.#bySource.values()) {
      const override = overrides.get(name);
      if (override !== undefined) return override;
    }
    return undefined;
  }

  /** Takes over what a tree file says now; returns the names it replaces. */
  learn(source: string, tree: unknown): readonly string[] {
    const found = new Map<string, Override>();
    for (const [key, value] of isObject(tree) ? Object.entries(tree) : []) {
      if (key.startsWith("!") && key.length > 1) found.set(key.slice(1), { value, source });
    }
    if (found.size > 0) this.#bySource.set(source, found);
    else this.#bySource.delete(source);
    return [...found.keys()];
  }

  /** Every name that is replaced. */
  names(): ReadonlySet<string> {
    return new Set([...this.#bySource.values()].flatMap((overrides) => [...overrides.keys()]));
  }
}
