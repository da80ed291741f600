/**
 * `kasi grep ADDRESS [FILE]`, Haraka's `haraka_grep`: all lines of each session that mentions an address (or a domain, or an IP address), session by session.
 *
 * A file is read twice, so that only the sessions that are wanted are kept. Standard input comes once: lines of sessions that nobody has asked for
 * yet are kept within a bound. Exit code 1 when nothing was found.
 */
import type { Machine } from "../host/types.ts";
import { parseLine } from "../log/parse.ts";
import { logFile, logLines, sessionOf } from "./log_lines.ts";
import type { Terminal } from "./terminal.ts";

/** Characters of lines held of sessions that have not mentioned the address. */
export const MOST_HELD = 32 * 1024 * 1024;

export async function grep(
  action: { readonly address: string; readonly file?: string; readonly site?: string },
  { machine, out }: { machine: Machine; out: Terminal },
): Promise<number> {
  const file = await logFile(action.file, action.site, machine);
  const mentions = mentionOf(action.address);
  const found = file === undefined
    ? sessionsOfStream(logLines(file, machine), mentions)
    : sessionsOfFile(() => logLines(file, machine), mentions);
  if (found.lost > 0) {
    out.complain(
      `${found.lost} lines of other sessions were let go of before it was known whether they are meant; give FILE`,
    );
  }
  for (const lines of found.sessions) out.say(lines.join("\n"));
  if (found.sessions.length > 0) return 0;
  out.complain(`No session mentions ${action.address}`);
  return 1;
}

interface Found {
  readonly sessions: readonly (readonly string[])[];
  /** Lines that were let go of. */
  readonly lost: number;
}

/** Whole words only: `bob@a.test` is not in `jimbob@a.test`, nor `10.0.0.1` in `10.0.0.12`. */
export function mentionOf(address: string): (line: string) => boolean {
  const bare = address.replace(/^<(.*)>$/, "$1").toLowerCase();
  const word = bare.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const pattern = new RegExp(`(?<![\\p{L}\\p{N}_.+-])${word}(?![\\p{L}\\p{N}_-]|\\.[\\p{L}\\p{N}])`, "iu");
  // The plain search is quick, and seldom true.
  return (line) => line.toLowerCase().includes(bare) && pattern.test(line);
}

function sessionsOfFile(lines: () => Iterable<string>, mentions: (line: string) => boolean): Found {
  const wanted = new Map<string, string[]>();
  for (const line of lines()) {
    if (!mentions(line)) continue;
    const id = sessionOf(parseLine(line)?.uuid ?? "");
    if (id !== "" && !wanted.has(id)) wanted.set(id, []);
  }
  if (wanted.size > 0) {
    for (const line of lines()) wanted.get(sessionOf(parseLine(line)?.uuid ?? ""))?.push(line);
  }
  return { sessions: [...wanted.values()], lost: 0 };
}

function sessionsOfStream(lines: Iterable<string>, mentions: (line: string) => boolean): Found {
  const sessions = new Map<string, string[]>();
  const wanted = new Set<string>();
  let held = 0;
  let lost = 0;
  /** Their end is held, in case a delivery is still heard of, but nobody misses them. */
  const ended = new Set<string>();
  for (const line of lines) {
    const parsed = parseLine(line);
    const id = sessionOf(parsed?.uuid ?? "");
    if (id === "") continue;
    if (parsed!.message === "disconnect") ended.add(id);
    const own = sessions.get(id) ?? [];
    own.push(line);
    sessions.set(id, own);
    if (mentions(line) && !wanted.has(id)) {
      wanted.add(id);
      held -= size(own) - line.length;
    } else if (!wanted.has(id)) held += line.length;
    for (const [other, lines] of sessions) {
      if (held <= MOST_HELD) break;
      if (wanted.has(other) || other === id) continue;
      sessions.delete(other);
      held -= size(lines);
      if (!ended.delete(other)) lost += lines.length;
    }
  }
  return { sessions: [...sessions].filter(([id]) => wanted.has(id)).map(([, lines]) => lines), lost };
}

function size(lines: readonly string[]): number {
  return lines.reduce((sum, line) => sum + line.length, 0);
}
