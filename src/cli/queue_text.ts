/** How queued mail is shown to people: a line in a list, an envelope, a history. Times are UTC; whatever came from outside is printed without control characters. */
import type { HistoryAttempt, ListedItem, NextStep } from "../queue/types.ts";
import type { TracedItem } from "../queue/types.ts";

const MOST_RECIPIENTS = 3;
const LONGEST_REASON = 100;

/** `ID sender → recipients (domain), size, attempts, next in …: reason`. */
export function itemLine(item: ListedItem, now: number): string {
  const { id, sender, domain, size, attempts, state, dueAt, lastError } = item;
  const next = state !== "waiting" ? state : dueAt <= now ? "due" : `next attempt in ${duration(dueAt - now)}`;
  const reason = lastError === undefined ? "" : `: ${cut(lastError, LONGEST_REASON)}`;
  return plain(
    `${id} <${sender}> → ${some(item.recipients)} (${domain}), ${size} octets, ${attempts} failed, ${next}${reason}`,
  );
}

export const countOf = (items: number) => `${items} item${items === 1 ? "" : "s"}`;

/** What stays what it is, and what is next. */
export function envelopeText(item: TracedItem, now: number): string {
  const { envelope, lastError, attempts } = item;
  const rows: [string, string][] = [
    ["Item", item.id],
    ["From", `<${item.sender}>`],
    ...item.recipients.map((address, i): [string, string] => [
      i === 0 ? "To" : "",
      [`<${address}>`, ...wishesFor(envelope?.recipients[i])].join(" "),
    ]),
    ["For", item.site === item.domain ? item.domain : `${item.domain} (site ${item.site})`],
    ["Size", `${item.size} octets`],
    ["Queued", `${time(item.queuedAt)} (${duration(now - item.queuedAt)} ago)`],
    ["Attempts", `${attempts} failed${lastError === undefined ? "" : `; the last: ${lastError}`}`],
    ...nextRows(item, now),
  ];
  if (envelope !== undefined) {
    const { wanted, smtpUtf8, notes } = envelope;
    const wishes = [
      ...Object.entries(wanted).map(([name, value]) => `${name}=${textOf(value)}`),
      ...(smtpUtf8 ? ["smtpUtf8"] : []),
    ];
    if (wishes.length > 0) rows.push(["Wants", wishes.join(" ")]);
    if (Object.keys(notes).length > 0) rows.push(["Notes", JSON.stringify(notes)]);
  }
  return table(rows);
}

export function traceText(item: TracedItem, now: number): string {
  const head = `${item.id} <${item.sender}> → ${some(item.recipients)} (${item.domain})`;
  const rows: [string, string][] = [
    [time(item.queuedAt), `queued, ${item.size} octets`],
    ...item.history.flatMap(attemptRows),
    ...nextRows(item, now),
  ];
  const missing = item.attempts -
    item.history.filter(({ results }) => results.some(({ kind }) => kind !== "delivered")).length;
  if (missing > 0) rows.splice(1, 0, ["", `${missing} attempts of which no more is known`]);
  return `${plain(head)}\n${table(rows).replace(/^/gm, "  ")}`;
}

function attemptRows({ at, results }: HistoryAttempt): [string, string][] {
  return results.map(({ kind, recipients, text, host }, i) => [
    i === 0 ? time(at) : "",
    `${kind} ${some(recipients)}: ${text}${host === undefined ? "" : ` (${host})`}`,
  ]);
}

function nextRows({ next, state, givenUpAt }: TracedItem, now: number): [string, string][] {
  return [
    ["State", state],
    ["Next", nextText(next, now)],
    ...(next.why === "held" || next.why === "disabled" ? [] : [
      ["Given up", `${time(givenUpAt)} (in ${duration(givenUpAt - now)}), when all attempts fail`] as [
        string,
        string,
      ],
    ]),
  ];
}

function nextText({ at, text }: NextStep, now: number): string {
  return at === undefined || at <= now ? text : `${time(at)} (in ${duration(at - now)}): ${text}`;
}

function wishesFor(recipient: NonNullable<TracedItem["envelope"]>["recipients"][number] | undefined): string[] {
  if (recipient === undefined) return [];
  return [
    ...(recipient.notify === undefined ? [] : [`NOTIFY=${recipient.notify.join(",")}`]),
    ...(recipient.originalRecipient === undefined ? [] : [`ORCPT=${recipient.originalRecipient}`]),
  ];
}

const textOf = (value: unknown) => typeof value === "object" ? JSON.stringify(value) : String(value);

function some(addresses: readonly string[]): string {
  const shown = addresses.slice(0, MOST_RECIPIENTS).map((address) => `<${address}>`).join(",");
  return addresses.length > MOST_RECIPIENTS ? `${shown} and ${addresses.length - MOST_RECIPIENTS} more` : shown;
}

function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, text]) => `${name.padEnd(width)}  ${plain(text)}`.trimEnd()).join("\n");
}

const cut = (text: string, most: number) => text.length > most ? `${text.slice(0, most - 1)}…` : text;

/** A peer's words shall not steer the terminal. */
// deno-lint-ignore no-control-regex
const plain = (text: string) => text.replace(/[\x00-\x1f\x7f-\x9f]/g, "?");

/** `2026-11-30 08:41:07`. */
export function time(ms: number): string {
  return Number.isFinite(ms) && Math.abs(ms) < 8.64e15
    ? new Date(ms).toISOString().slice(0, 19).replace("T", " ")
    : "?";
}

const UNITS = [[86_400, "d"], [3600, "h"], [60, "min"], [1, "s"]] as const;

/** The two largest units: `2 d 3 h`, `1 min 4 s`, `0 s`. */
export function duration(ms: number): string {
  let left = Math.max(0, Math.round(ms / 1000));
  const parts: string[] = [];
  for (const [size, name] of UNITS) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count > 0 || parts.length > 0) parts.push(count > 0 ? `${count} ${name}` : "");
    if (parts.length === 2) break;
  }
  return parts.filter((part) => part !== "").join(" ") || "0 s";
}
