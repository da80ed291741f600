/** What `aliases.json` says, and which of its lines an address falls under. A helper of `aliases`; nothing throws. */
import type { Address } from "kasi";

export type Alias =
  | { readonly kind: "drop" }
  | { readonly kind: "alias"; readonly to: readonly string[] }
  /** A line that says nothing we know. */
  | { readonly kind: "unknown"; readonly why: string };

/** `older` is the text of the file `aliases`, used where there is no `aliases.json`. `fault` hears of text that is no object. */
export function readAliases(
  tree: unknown,
  older: string,
  fault: (what: string) => void,
): ReadonlyMap<string, Alias> {
  if (isObject(tree) && Object.keys(tree).length === 0 && older.trim() !== "") {
    try {
      tree = JSON.parse(older);
    } catch (error) {
      fault(`aliases: ${(error as Error).message}; wanted: {"user@example.com": {"action": "alias", "to": "other"}}`);
    }
  }
  if (!isObject(tree)) {
    fault("aliases.json is no object; nobody is aliased");
    return new Map();
  }
  return new Map(Object.entries(tree).map(([key, line]) => [key, aliasOf(line)]));
}

/** The first that matches of `user@host`, `user`, `PREFIX@host`, `PREFIX`, `@host`, `*`. PREFIX ends at the first `+` or `-`. */
export function findAlias(
  aliases: ReadonlyMap<string, Alias>,
  { address, user, host }: Address,
): { readonly key: string; readonly alias: Alias } | undefined {
  if (aliases.size === 0) return undefined;
  const prefix = user.split(/[+-]/, 1)[0]!;
  for (const key of [address, user, `${prefix}@${host}`, prefix, `@${host}`, "*"]) {
    const alias = aliases.get(key);
    if (alias !== undefined) return { key, alias };
  }
  return undefined;
}

function aliasOf(line: unknown): Alias {
  const { action, to } = isObject(line) ? line : {} as { [key: string]: unknown };
  switch (String(action).toLowerCase()) {
    case "drop":
      return { kind: "drop" };
    case "alias": {
      const targets = [to ?? []].flat().filter((target): target is string => typeof target === "string");
      return targets.length > 0 ? { kind: "alias", to: targets } : { kind: "unknown", why: "has no `to`" };
    }
    default:
      return { kind: "unknown", why: `has the unknown action ${JSON.stringify(action) ?? "(none)"}` };
  }
}

function isObject(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
