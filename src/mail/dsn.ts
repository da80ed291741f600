/**
 * Reports on what became of a message (RFC 3464), as the queue sends them to its sender.
 *
 * {@linkcode buildReport} gives the octets of a whole `multipart/report` message: a text for people from a template (with HTML and an image where
 * the site has them), the machine's part, the header of the original or all of it. It is ASCII, so that every server on the way takes it, but for
 * a sender whose own address needs SMTPUTF8: then it has the forms of RFC 6533. A message that returns whole keeps its octets.
 */
import { type Bytes, concat, utf8Encode } from "../base/bytes.ts";
import { newId } from "../base/ids.ts";
import type { Address } from "./address.ts";
import { formatDate } from "./date.ts";
import { type ReportRecipient, statusFields, type StatusOptions } from "./dsn_status.ts";
import type { Header } from "./header.ts";
import { fieldBytes } from "./header_text.ts";
import { newMessageId } from "./message_id.ts";
import {
  fillHtml,
  fillTemplate,
  isTemplate,
  NO_TEMPLATES,
  parseImage,
  parseTemplate,
  REPORT_TEMPLATES,
  type ReportKind,
  type SiteTemplates,
  type Values,
} from "./report_template.ts";
import { encodeTransfer } from "./transfer.ts";

export type { ReportRecipient } from "./dsn_status.ts";

export interface ReportOptions extends Omit<StatusOptions, "utf8"> {
  /** What it is about, for the text; `failed` by default. */
  readonly kind?: ReportKind | undefined;
  /** Whom it goes to: the sender of the original. Decides on the form of the whole. */
  readonly to: Address;
  readonly recipients: readonly ReportRecipient[];
  /** Header of the original. */
  readonly original: Header;
  /** All of it, to be returned in the header's place (RFC 3461 §4.3). */
  readonly full?: Bytes | undefined;
  /** The original came with SMTPUTF8: what is not ASCII in it is UTF-8. */
  readonly smtpUtf8?: boolean | undefined;
  /** Now, epoch milliseconds. */
  readonly time: number;
  /** What went wrong in one line; the first recipient's reason when left out. */
  readonly reason?: string | undefined;
  readonly templates?: SiteTemplates | undefined;
  readonly pid?: number | undefined;
  /** For the message id and the boundaries. */
  readonly id?: string | undefined;
}

const NON_ASCII = /[^\x20-\x7e\t\r\n]/;
/** RFC 5322 §2.1.1 */
const LONGEST_LINE = 998;

export function buildReport(o: ReportOptions): Bytes {
  const id = o.id ?? newId();
  const utf8 = o.to.isUtf8;
  const messageId = o.original.get("Message-ID");
  const values = placeholders(o, id, utf8);
  const templates = o.templates ?? NO_TEMPLATES;
  const template = parseTemplate(templates.text === "" ? REPORT_TEMPLATES[o.kind ?? "failed"] : templates.text);
  const fields = template.fields.map(([name, value]) => fieldBytes(name, fillTemplate(value, values), utf8));
  if (messageId !== undefined) fields.push(fieldBytes("References", messageId));
  fields.push(fieldBytes("MIME-Version", "1.0"));
  // RFC 6522 §3: report-type names the second part's subtype.
  const reportType = utf8 ? "global-delivery-status" : "delivery-status";
  const boundary = `report_${id}`;
  fields.push(fieldBytes("Content-Type", `multipart/report; report-type=${reportType};\r\n\tboundary="${boundary}"`));
  return concat([
    ...fields,
    line(""),
    line("This is a report on a message, in the MIME format."),
    line(""),
    ...multipart(boundary, [
      wordsPart(templates, fillTemplate(template.text, values), values, id),
      statusPart(o, utf8),
      o.full === undefined ? headerPart(o, utf8) : messagePart(o.full, o, utf8),
    ]),
  ]);
}

function placeholders(o: ReportOptions, id: string, utf8: boolean): Values {
  return {
    pid: o.pid === undefined ? "" : String(o.pid),
    date: formatDate(o.time),
    me: o.me,
    from: "<>",
    to: o.to.format({ utf8 }),
    subject: o.original.getDecoded("Subject") ?? "",
    recipients: o.recipients.map((r) => r.address.format({ utf8 })).join(", "),
    reason: o.reason ?? o.recipients[0]?.reason ?? "",
    extended_reason: o.recipients.map((r) => `${r.address.format({ utf8 })}: ${r.reason}`).join("\r\n"),
    msgid: newMessageId(o.me, id),
  };
}

/** What people read: a text, beside it HTML, beside that an image (RFC 2046 §5.1.4, RFC 2387). */
function wordsPart({ html, image }: SiteTemplates, text: string, values: Values, id: string): Bytes[] {
  const plain = textPart("plain", text);
  if (!isTemplate(html)) return plain;
  const inner = `either_${id}`;
  const both = [
    line(`Content-Type: multipart/alternative; boundary="${inner}"`),
    line(""),
    ...multipart(inner, [plain, textPart("html", fillHtml(html, values))]),
  ];
  const shown = isTemplate(image) ? parseImage(image) : undefined;
  if (shown === undefined || !("part" in shown)) return both;
  const outer = `with_${id}`;
  return [
    line(`Content-Type: multipart/related; type="multipart/alternative"; boundary="${outer}"`),
    line(""),
    ...multipart(outer, [both, [utf8Encode(shown.part)]]),
  ];
}

/** A reason may bring any line ends. Lines longer than allowed, or other than ASCII, are sent in base64. */
function textPart(subtype: "plain" | "html", given: string): Bytes[] {
  const text = given.replace(/\r\n|\r|\n/g, "\r\n");
  const plain = !NON_ASCII.test(text) && text.split("\r\n").every((one) => one.length <= LONGEST_LINE);
  if (plain) return [line(`Content-Type: text/${subtype}; charset=us-ascii`), line(""), line(text)];
  return [
    line(`Content-Type: text/${subtype}; charset=utf-8`),
    line("Content-Transfer-Encoding: base64"),
    line(""),
    encodeTransfer(utf8Encode(text), "base64"),
    line(""),
  ];
}

function statusPart(o: ReportOptions, utf8: boolean): Bytes[] {
  return [
    // RFC 6533 §3: what is not ASCII goes into the global form.
    line(`Content-Type: message/${utf8 ? "global-" : ""}delivery-status`),
    ...(utf8 ? [line("Content-Transfer-Encoding: 8bit")] : []),
    line(""),
    ...statusFields({ ...o, utf8 }),
    line(""),
  ];
}

function headerPart(o: ReportOptions, utf8: boolean): Bytes[] {
  const header = o.original.toBytes();
  const eightBit = header.some((byte) => byte > 127);
  // RFC 6533 §6.3: no loss for the sake of ASCII. RFC 6522 §4: what else is not, is the sender's mistake, and quoted.
  const global = utf8 || (eightBit && o.smtpUtf8 === true);
  const encoding = !eightBit ? undefined : utf8 ? "8bit" : "quoted-printable";
  return [
    line("Content-Description: Undelivered Message Headers"),
    line(`Content-Type: ${global ? "message/global-headers" : "text/rfc822-headers"}`),
    ...(encoding === undefined ? [] : [line(`Content-Transfer-Encoding: ${encoding}`)]),
    line(""),
    encoding === "quoted-printable" ? encodeTransfer(header, encoding) : header,
    line(""),
  ];
}

function messagePart(full: Bytes, o: ReportOptions, utf8: boolean): Bytes[] {
  const eightBit = full.some((byte) => byte > 127);
  // RFC 2046 §5.2.1: message/rfc822 is never encoded; RFC 6532 §3.7: message/global may be.
  const encoded = eightBit && !utf8 && o.smtpUtf8 === true;
  return [
    line("Content-Description: Undelivered Message"),
    line(`Content-Type: message/${utf8 || encoded ? "global" : "rfc822"}`),
    ...(eightBit ? [line(`Content-Transfer-Encoding: ${encoded ? "base64" : "8bit"}`)] : []),
    line(""),
    encoded ? encodeTransfer(full, "base64") : full,
    // This line end is the boundary's (RFC 2046 §5.1.1).
    line(""),
  ];
}

/** Each part ends with a line end of the boundary's. */
function multipart(boundary: string, parts: readonly (readonly Bytes[])[]): Bytes[] {
  return [...parts.flatMap((part) => [line(`--${boundary}`), ...part]), line(`--${boundary}--`)];
}

function line(text: string): Bytes {
  return utf8Encode(`${text}\r\n`);
}
