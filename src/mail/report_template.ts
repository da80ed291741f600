/**
 * The templates of a report: fields, an empty line, a text for people; the same in HTML; an image that it shows. `{word}` stands for a value.
 *
 * Words: pid, date, me, from, to, subject, recipients, reason, extended_reason, msgid. A word nobody knows, or without a value, becomes
 * `?`. Fields that a report cannot do without are put in when the template lacks them; those that describe its parts are ours.
 */
/** A site's own files (spec 02 §6), lines parted by LF; "" for one it does not have. */
export interface SiteTemplates {
  /** `outbound.bounce_message`: fields, an empty line, text. */
  readonly text: string;
  /** `outbound.bounce_message_html`. Left out while it has no more than one line. */
  readonly html: string;
  /** `outbound.bounce_message_image`: a MIME part in base64. Likewise, and without HTML that could show it. */
  readonly image: string;
}

export const NO_TEMPLATES: SiteTemplates = { text: "", html: "", image: "" };

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

export type Values = { readonly [word: string]: string };

export function fillTemplate(text: string, values: Values): string {
  return text.replace(/\{(\w+)\}/g, (_, word: string) => (Object.hasOwn(values, word) ? values[word] : "") || "?");
}

/** The same in HTML: no value becomes markup. */
export function fillHtml(html: string, values: Values): string {
  const escaped = Object.entries(values).map(([word, value]) => [
    word,
    value.replace(/[&<>"'\r\n]/g, (char) => `&#${char.charCodeAt(0)};`),
  ]);
  return fillTemplate(html, Object.fromEntries(escaped));
}

/** A file that says something; one line is a note of the operator's, or nothing. */
export function isTemplate(file: string): boolean {
  return /[\r\n]/.test(file.trimEnd());
}

/** The image as a part of a report, CRLF line ends; or what is wrong with the file. */
export function parseImage(file: string): { readonly part: string } | { readonly fault: string } {
  const lines = file.trimEnd().split(/\r\n|\r|\n/);
  const blank = lines.indexOf("");
  if (blank < 0) return { fault: "it has no empty line between its fields and the image" };
  const head = lines.slice(0, blank);
  const odd = head.find((line) => !/^(?:[!-9;-~]+:|[ \t]+\S)[\t\x20-\x7e]*$/.test(line));
  if (odd !== undefined || /^[ \t]/.test(head[0] ?? "")) {
    return { fault: `a line of its head is no field: ${JSON.stringify(odd ?? head[0])}` };
  }
  const fields = head.join("\n").replace(/\n[ \t]+/g, " ");
  if (!/^content-type:\s*image\//im.test(fields)) return { fault: "its Content-Type is no image" };
  if (!/^content-transfer-encoding:\s*base64\s*$/im.test(fields)) {
    return { fault: "its Content-Transfer-Encoding is not base64" };
  }
  const body = lines.slice(blank + 1).join("").replace(/\s+/g, "");
  if (!/^(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$|^[A-Za-z0-9+/]{2,3}={1,2}$/.test(body)) {
    return { fault: "the image is not in base64" };
  }
  const encoded = body.replace(/.{76}(?=.)/g, "$&\r\n");
  return { part: `${head.join("\r\n")}\r\n\r\n${encoded}\r\n` };
}
