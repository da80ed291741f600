/** What came of the mail in the bag, as the tables of docs/plugin-chain.md. */
import type { MailKind } from "./mailbag.ts";
import type { Verdict } from "./plugin_chain.ts";

export interface Judged {
  readonly kind: MailKind;
  readonly verdict: Verdict;
}

/** Columns of numbers: how many of all, and how many of the first `some`. */
export function verdictTables(judged: readonly Judged[], some: number): string {
  const outcomes = table(
    "Message | What came of it",
    judged,
    some,
    ({ kind, verdict }) => `${kind} | ${said(verdict)}`,
  );
  const taken = judged.map((one, i) => ({ ...one, i })).filter(({ verdict }) => isTaken(verdict));
  const first = taken.filter(({ i }) => i < some).length;
  return `${outcomes}\n\n${table("Taken by", taken, first, ({ verdict }) => verdict.by || "the outbound queue")}`;
}

function table(head: string, judged: readonly Judged[], some: number, rowOf: (one: Judged) => string): string {
  const rows = new Map<string, { all: number; first: number }>();
  for (const [i, one] of judged.entries()) {
    const counts = rows.get(rowOf(one)) ?? { all: 0, first: 0 };
    counts.all++;
    if (i < some) counts.first++;
    rows.set(rowOf(one), counts);
  }
  const lines = [...rows].sort(([a], [b]) => a < b ? -1 : 1)
    .map(([row, { all, first }]) => `| ${row} | ${all} | ${first} |`);
  const rule = `${head} | All | First`.split("|").map(() => "---").join("|");
  return [`| ${head} | All | First |`, `|${rule}|`, ...lines].join("\n");
}

const isTaken = ({ reply, stage }: Verdict) => stage === "message" && reply.startsWith("250");

function said(verdict: Verdict): string {
  const { reply, stage, by, lost } = verdict;
  if (isTaken(verdict)) return lost === 0 ? "taken" : `taken, ${lost} recipients refused`;
  return `${reply} at ${stage === "message" ? "the end of the message" : stage}, ${
    by === "" ? "by the engine" : `by \`${by}\``
  }`;
}
