/**
 * `!file` keys: a json, hjson or yaml file may hold other files of the configuration, `{"!smtp.ini": {"main": {"nodes": 1}}}`.
 *
 * `smtp.json` is asked before anything else, so that one file can be a whole site.
 */
import type { Override } from "./formats.ts";
import { isObject } from "./tree.ts";

export class Overrides {
  readonly #byName = new Map<string, ReadonlyMap<string, Override>>();

  find(name: string): Override | undefined {
    for (const overrides of this.#byName.values()) {
      const override = overrides.get(name);
      if (override !== undefined) return override;
    }
    return undefined;
  }

  /** Takes over what the tree file `name` says now; `source` is where it was found. Returns the names it replaces. */
  learn(name: string, source: string, tree: unknown): readonly string[] {
    const found = new Map<string, Override>();
    for (const [key, value] of isObject(tree) ? Object.entries(tree) : []) {
      if (key.startsWith("!") && key.length > 1) found.set(key.slice(1), { value, source });
    }
    if (found.size > 0) this.#byName.set(name, found);
    else this.#byName.delete(name);
    return [...found.keys()];
  }

  /** Every name that is replaced. */
  names(): ReadonlySet<string> {
    return new Set([...this.#byName.values()].flatMap((overrides) => [...overrides.keys()]));
  }
}
