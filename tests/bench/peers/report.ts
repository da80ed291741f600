/** The tables: medians, spread, and how Kasi stands to each of the others. */
import type { Case } from "./cases.ts";

export interface Figures {
  /** Messages, or for a fan-out deliveries, per second. */
  readonly rate: number;
  /** CPU seconds per thousand of them. */
  readonly cpu: number;
  readonly memory: number;
}

/** `smtp-source` straight into `smtp-sink`: all that the two ends can do. */
export const CEILING = "source → sink";

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const rateOf = (figures: readonly Figures[] | undefined) => median((figures ?? []).map(({ rate }) => rate));

export function printTable({ title, domains }: Case, results: ReadonlyMap<string, readonly Figures[]>): void {
  const [ours, ceiling] = [rateOf(results.get("Kasi")), rateOf(results.get(CEILING))];
  console.log(`\n${title}`);
  line(["", domains > 1 ? "dlv/s" : "msg/s", "min–max", "CPU s/1000", "MiB", "Kasi ÷ it", "of ceiling"]);
  for (const [name, figures] of results) {
    const rate = rateOf(figures);
    if (rate === undefined) continue;
    const rates = figures.map((one) => one.rate);
    const [cpu, memory] = [median(figures.map((one) => one.cpu))!, median(figures.map((one) => one.memory))!];
    line([
      name,
      rate.toFixed(0),
      `${Math.min(...rates).toFixed(0)}–${Math.max(...rates).toFixed(0)}`,
      cpu > 0 ? cpu.toFixed(2) : "",
      memory > 0 ? memory.toFixed(0) : "",
      ours === undefined ? "" : (ours / rate).toFixed(2),
      ceiling === undefined ? "" : `${(100 * rate / ceiling).toFixed(0)} %`,
    ]);
  }
}

/** What is wanted of one process in (ii) at 5 KB: so many times the other, or that part of it. */
const GOALS: readonly (readonly [other: string, wanted: number])[] = [["Haraka", 9], ["Postfix", 7], [
  "bare relay",
  0.75,
]];

export function printGoals({ task, size, domains }: Case, results: ReadonlyMap<string, readonly Figures[]>): void {
  if (task !== "relay" || size > 5000 || domains > 1) return;
  const ours = rateOf(results.get("Kasi"));
  const said = GOALS.flatMap(([other, wanted]) => {
    const theirs = rateOf(results.get(other));
    if (ours === undefined || theirs === undefined) return [];
    const ratio = ours / theirs;
    return [`${ratio.toFixed(2)} × ${other} (wanted ${wanted}: ${ratio >= wanted ? "reached" : "missed"})`];
  });
  if (said.length > 0) console.log(`Kasi: ${said.join(", ")}`);
}

const WIDTHS = [18, 8, 14, 11, 6, 10, 11];

function line(cells: readonly string[]): void {
  console.log(
    cells.map((cell, i) => i === 0 ? cell.padEnd(WIDTHS[i]!) : cell.padStart(WIDTHS[i]!)).join(" ").trimEnd(),
  );
}
