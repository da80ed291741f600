/**
 * Notes: what plugins tell one another about a server, a session or a transaction.
 *
 * A plain JSON-like tree with dotted paths. Transaction notes go to the queue with the message, so keep to plain values there.
 */
const FORBIDDEN = new Set(["__proto__", "constructor", "prototype"]);
type Path = string | readonly string[];

export class Notes {
  readonly #root: Record<string, unknown>;
  constructor(root: Record<string, unknown> = {}) {
    this.#root = root;
  }

  /** `get("a.b.c")`, or `get(["a", "b.with.dots"])`; undefined when any part is missing. */
  get(path: Path): unknown {
    let at: unknown = this.#root;
    for (const key of parts(path)) {
      if (typeof at !== "object" || at === null || !Object.hasOwn(at, key)) return undefined;
      at = (at as Record<string, unknown>)[key];
    }
    return at;
  }

  /** Sets a value, making the objects on the way. With `onlyIfUndefined` a value already there stays. */
  set(path: Path, value: unknown, onlyIfUndefined = false): void {
    const keys = parts(path);
    const last = keys.pop();
    if (last === undefined) throw new TypeError("Cannot set a note: the path is empty");
    let at = this.#root;
    for (const key of keys) {
      const next = Object.hasOwn(at, key) ? at[key] : undefined;
      if (typeof next === "object" && next !== null) at = next as Record<string, unknown>;
      else at = at[key] = {};
    }
    if (onlyIfUndefined && Object.hasOwn(at, last) && at[last] !== undefined) return;
    at[last] = value;
  }

  toJSON(): Record<string, unknown> {
    return this.#root;
  }
}

function parts(path: Path): string[] {
  const keys = typeof path === "string" ? path.split(".") : [...path];
  for (const key of keys) {
    if (FORBIDDEN.has(key)) throw new TypeError(`Cannot use this note: current path is ${JSON.stringify(path)}`);
  }
  return keys;
}
