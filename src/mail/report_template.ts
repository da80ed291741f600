/**
 * The template of a report: fields, an empty line, a text for people; `{word}` stands for a value.
 *
 * Words: pid, date, me, from, to, subject, recipients, reason, extended_reason, msgid. A word nobody knows, or without a value, becomes
 * `?`. Fields that a report cannot do without are put in when the template lacks them; those that describe its parts are ours.
 */
export interface ReportTemplate {
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** CRLF line ends. */
  readonly text: string;
}

const NEEDED: readonly (readonly [name: string, value: string])[] = [
  ["Received", "from localhost by {me} id {msgid}; {date}"],
  ["Date", "{date}"],
  ["From", "MAILER-DAEMON@{me}"],
  ["To", "{to}"],
  // RFC 3834 §5: nobody's autoresponder shall answer it.
  ["Auto-Submitted", "auto-replied"],
  ["Subject", "failure notice"],
  ["Message-Id", "{msgid}"],
];
const OURS: ReadonlySet<string> = new Set(["mime-version", "content-type", "content-transfer-encoding", "references"]);

/** What a report tells of. */
export type ReportKind = "failed" | "delayed" | "delivered";

export const REPORT_TEMPLATES: { readonly [K in ReportKind]: string } = {
  failed: `Subject: failure notice

This is the mail server at {me}.

Your message could not be delivered to everyone it was meant for.

  Subject:     {subject}
  Recipients:  {recipients}

What went wrong: {reason}

In detail:

{extended_reason}

Nothing more will be tried for these recipients. The next part of this mail
says the same to programs; the last one holds the header of your message.
`,
  delayed: `Subject: delay notice

This is the mail server at {me}.

Your message has not reached everyone yet. You need not send it again: the
server goes on trying.

  Subject:     {subject}
  Recipients:  {recipients}

What it waits for:

{extended_reason}

The next part of this mail says the same to programs; the last one holds the
header of your message.
`,
  delivered: `Subject: delivery notice

This is the mail server at {me}.

You wanted to know when your message is delivered. This is what became of it:

  Subject:     {subject}

{extended_reason}

The next part of this mail says the same to programs; the last one holds the
header of your message.
`,
};

/** A template without an empty line is all text. */
export function parseTemplate(template: string): ReportTemplate {
  const lines = template.split(/\r\n|\r|\n/);
  const blank = lines.indexOf("");
  const head = blank < 0 ? [] : lines.slice(0, blank);
  const fields: [string, string][] = [];
  for (const line of head) {
    const match = /^([!-9;-~]+)\s*:\s*(.*)$/.exec(line);
    const last = fields.at(-1);
    if (match !== null) fields.push([match[1]!, match[2]!]);
    else if (/^[ \t]/.test(line) && last !== undefined) last[1] += ` ${line.trim()}`;
  }
  const own = fields.filter(([name]) => !OURS.has(name.toLowerCase()));
  const missing = NEEDED.filter(([name]) => !own.some(([other]) => other.toLowerCase() === name.toLowerCase()));
  return { fields: [...missing, ...own], text: (blank < 0 ? lines : lines.slice(blank + 1)).join("\r\n") };
}

export function fillTemplate(text: string, values: { readonly [word: string]: string }): string {
  return text.replace(/\{(\w+)\}/g, (_, word: string) => (Object.hasOwn(values, word) ? values[word] : "") || "?");
}
