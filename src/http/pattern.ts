/** Paths of routes: `/logs/:id` exactly, or a path and all below it. Parts are compared decoded. */

export interface Match {
  readonly params: { readonly [name: string]: string };
  /** What is left behind the pattern: "", or beginning with "/". */
  readonly rest: string;
}

export type Pattern = (parts: readonly string[]) => Match | undefined;

/** Throws TypeError for a path that no request can have. */
export function pattern(path: string, below: boolean): Pattern {
  if (!path.startsWith("/") || /[?#*]/.test(path)) {
    throw new TypeError(`Bad route ${JSON.stringify(path)}: wanted: a path as /logs/:id`);
  }
  const wanted = path.split("/").filter((part) => part !== "");
  return (parts) => {
    // "/logs/" is "/logs" to everyone but files.
    const given = parts.at(-1) === "" ? parts.slice(0, -1) : parts;
    if (below ? given.length < wanted.length : given.length !== wanted.length) return undefined;
    const params: Record<string, string> = Object.create(null);
    for (const [i, part] of wanted.entries()) {
      if (part.startsWith(":")) params[part.slice(1)] = given[i]!;
      else if (part !== given[i]) return undefined;
    }
    return { params, rest: parts.slice(wanted.length).map((part) => `/${part}`).join("") };
  };
}

/** The decoded parts of a URL's path; undefined for one that is badly encoded, or hides a "/" or NUL in a part. */
export function partsOf(pathname: string): readonly string[] | undefined {
  const parts: string[] = [];
  for (const raw of pathname.slice(1).split("/")) {
    let part: string;
    try {
      part = decodeURIComponent(raw);
    } catch {
      return undefined;
    }
    if (/[/\\\0]/.test(part)) return undefined;
    parts.push(part);
  }
  return parts;
}
