/** The retry schedule: `temp_fail_intervals` of outbound.ini and the default made from `maxTempFailures` (spec 02 §7). */

/** Seconds; `bad` says what is wrong with the text. */
export type Intervals =
  | { readonly kind: "intervals"; readonly seconds: readonly number[] }
  | { readonly kind: "bad"; readonly wanted: string };

const SECONDS: { readonly [unit: string]: number } = { s: 1, m: 60, h: 3_600, d: 86_400 };
const LEAST_SECONDS = 5;
/** A slip like `1m*1000000` must not fill the memory. */
const MOST_INTERVALS = 10_000;

/** A comma list of `N{s|m|h|d}[*K]`, or `none`; blanks and case do not matter. */
export function parseIntervals(text: string): Intervals {
  const plain = text.replace(/\s+/g, "").toLowerCase();
  if (plain === "none") return { kind: "intervals", seconds: [] };
  const seconds: number[] = [];
  for (const part of plain.split(",")) {
    const match = /^(\d+)([smhd])(?:\*(\d+))?$/.exec(part);
    if (!match) return bad(`not ${JSON.stringify(part)}`);
    const interval = Number(match[1]) * SECONDS[match[2]!]!;
    const times = Number(match[3] ?? 1);
    if (interval < LEAST_SECONDS) return bad(`each at least ${LEAST_SECONDS}s`);
    if (times < 1 || seconds.length + times > MOST_INTERVALS) {
      return bad(`at most ${MOST_INTERVALS} in all, each once or more`);
    }
    for (let i = 0; i < times; i++) seconds.push(interval);
  }
  return { kind: "intervals", seconds };
}

/** 64, 128, … seconds: one fewer than the failures allowed. */
export function defaultIntervals(maxTempFailures: number): readonly number[] {
  const longest = 30 * SECONDS.d!;
  const count = Math.min(Math.max(0, maxTempFailures - 1), MOST_INTERVALS);
  return Array.from({ length: count }, (_, i) => Math.min(2 ** (i + 6), longest));
}

function bad(detail: string): Intervals {
  return { kind: "bad", wanted: `a list like 1m, 5m*2, 1h*3 (units s, m, h, d), or none; ${detail}` };
}
