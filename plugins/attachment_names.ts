/** What a file's name comes to on the machine of whoever opens it: names are written to be read in more than one way. */

/** Characters that are not seen, or turn the direction of writing. */
const UNSEEN = /[\p{Cc}\p{Cf}]/gu;

/** The name as it stands, and as others may take it: up to a NUL, without what is not seen, as Windows makes it. */
export function spellings(name: string): string[] {
  const found = new Set([name]);
  for (const part of [name, name.split("\0")[0]!]) {
    // NFKC: wide letters and dots are letters and dots.
    const seen = part.normalize("NFKC").replace(UNSEEN, "");
    const last = seen.slice(Math.max(seen.lastIndexOf("/"), seen.lastIndexOf("\\")) + 1);
    // Windows: what follows a colon names a stream of the file, and blanks and dots at the end are dropped.
    for (const one of [seen, seen.slice(0, seen.length - last.length) + last.split(":")[0]!]) {
      found.add(one);
      found.add(one.replace(/[\s.]+$/u, ""));
    }
  }
  found.delete("");
  return [...found];
}

/** Lower case, without the dot; "" for none. */
export function extensionOf(name: string): string {
  return /\.([^. /\\]+)$/.exec(name)?.[1]?.toLowerCase() ?? "";
}

/** The first of these extensions that the name has, in any of its spellings. */
export function extensionIn(extensions: ReadonlySet<string>, name: string): string | undefined {
  return spellings(name).map(extensionOf).find((extension) => extensions.has(extension));
}

/** For an SMTP reply: printable ASCII, the end of what is long. */
export function printable(name: string): string {
  const plain = name.replace(/[^ -~]/gu, "?");
  return plain.length > 100 ? `...${plain.slice(-97)}` : plain;
}
