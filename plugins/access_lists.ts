/**
 * The lists of one phase, as `access` reads them: `P.whitelist`, `P.whitelist_regex`, `P.blacklist`, `P.blacklist_regex`.
 *
 * A helper. Plain entries are compared whole and without case; expressions are anchored at both ends. One that does not compile is logged and
 * passed over. All are read anew when they change.
 */
import type { Config, Live, Logger } from "kasi";

export interface PhaseLists {
  /** The file that lists one of the names, white before black; undefined when none does. */
  find(names: readonly string[]): { readonly file: string; readonly colour: "white" | "black" } | undefined;
}

const FILES = [
  ["white", "whitelist", isListed],
  ["white", "whitelist_regex", isMatched],
  ["black", "blacklist", isListed],
  ["black", "blacklist_regex", isMatched],
] as const;

export async function phaseLists(phase: string, config: Config, log: Logger): Promise<PhaseLists> {
  const tables = await Promise.all(FILES.map(async ([colour, ending, make]) => {
    const file = `${phase}.${ending}`;
    return { colour, file, has: current(await config.list(file), (lines) => make(lines, file, log)) };
  }));
  return {
    find(names) {
      const table = tables.find(({ has }) => names.some((name) => name !== "" && has()(name)));
      return table && { file: table.file, colour: table.colour };
    },
  };
}

/** What the file's lines come to, made once for each state of the file. */
export function current<T>(lines: Live<readonly string[]>, make: (lines: readonly string[]) => T): () => T {
  let made = make(lines.value);
  lines.onChange((value) => made = make(value));
  return () => made;
}

type Has = (name: string) => boolean;

function isListed(lines: readonly string[]): Has {
  const names = new Set(lines.map((line) => line.toLowerCase()));
  return (name) => names.has(name.toLowerCase());
}

function isMatched(lines: readonly string[], file: string, log: Logger): Has {
  const patterns = lines.flatMap((line) => {
    try {
      return [new RegExp(`^(?:${line})$`, "i")];
    } catch {
      log.error(`${file}: ${JSON.stringify(line)} is no regular expression; passed over`);
      return [];
    }
  });
  return (name) => patterns.some((pattern) => pattern.test(name));
}
