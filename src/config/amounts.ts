/** Times and rates as operators write them: `90s`, `5d`; `250/1h`. Each parser gives undefined for what is none. */

const UNITS: { readonly [unit: string]: number } = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** What is longer is a slip: it would outlive the server. */
const LONGEST_MS = 3_650 * 86_400_000;

/** So many, in any stretch of time of that length. */
export interface Rate {
  readonly count: number;
  readonly perMs: number;
}

export const WANTED_DURATION = "a time such as 90s, 15m, 2h or 5d";
export const WANTED_RATE = "a number in a time, such as 250/1h or 10/s";

/** Milliseconds. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([smhd])$/i.exec(text.trim());
  if (match === null) return undefined;
  const ms = Math.round(Number(match[1]) * UNITS[match[2]!.toLowerCase()]!);
  return ms > 0 && ms <= LONGEST_MS ? ms : undefined;
}

/** `N/TIME`; the number of a time may be left out where it is 1. */
export function parseRate(text: string): Rate | undefined {
  const match = /^(\d{1,9})\s*\/\s*(.+)$/.exec(text.trim());
  if (match === null) return undefined;
  const time = match[2]!;
  const perMs = parseDuration(/^\d/.test(time) ? time : `1${time}`);
  const count = Number(match[1]);
  return count > 0 && perMs !== undefined ? { count, perMs } : undefined;
}

const STEPS = [["d", 86_400_000], ["h", 3_600_000], ["m", 60_000], ["s", 1_000]] as const;

/** In the largest unit that leaves no more than a tenth out: `90m`, `2h`. */
export function formatDuration(ms: number): string {
  for (const [unit, length] of STEPS) {
    const count = Math.round(ms / length);
    if (count >= 1 && (Math.abs(count * length - ms) <= ms / 20)) return `${count}${unit}`;
  }
  return `${Math.max(0, Math.round(ms / 1_000))}s`;
}
