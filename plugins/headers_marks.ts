/** What a header gives away: its date, the program that wrote it, the mailing list it went through. */
import { type Header, parseDate } from "kasi";

const DAY_MS = 86_400_000;

/** What is wrong with a Date; undefined when nothing is. */
export function findDate(
  text: string,
  now: number,
  limits: { readonly date_future_days: number; readonly date_past_days: number },
): "unparseable" | "future" | "past" | undefined {
  const at = parseDate(text);
  if (at === undefined) return "unparseable";
  const { date_future_days: ahead, date_past_days: back } = limits;
  if (ahead > 0 && at > now + ahead * DAY_MS) return "future";
  return back > 0 && at < now - back * DAY_MS ? "past" : undefined;
}

const PROGRAM_FIELDS = ["User-Agent", "X-Mailer", "X-MUA", "X-Yahoo-Newman-Property", "X-MS-Has-Attach"];

/** What mail programs wrote of themselves. */
export function findProgram(header: Header): readonly string[] {
  return PROGRAM_FIELDS.flatMap((field) => header.get(field) ?? []);
}

const LIST_MARKS: readonly (readonly [list: string, field: string, mark: RegExp])[] = [
  ["ezmlm", "Mailing-List", /ezmlm/i],
  ["yahoogroups", "Mailing-List", /yahoogroups/i],
  ["majordomo", "Sender", /^<?owner-/i],
  ["mailman", "X-Mailman-Version", /^/],
  ["majordomo", "X-Majordomo-Version", /^/],
  ["googlegroups", "X-Google-Loop", /^/],
];

/** Programs of mailing lists, each once. */
export function findList(header: Header): readonly string[] {
  const found = LIST_MARKS.filter(([, field, mark]) => mark.test(header.get(field) ?? "-") && header.has(field));
  return [...new Set(found.map(([list]) => list))];
}
