/**
 * Reports on what became of a message (RFC 3464), as the queue sends them to its sender.
 *
 * {@linkcode buildReport} gives the octets of a whole `multipart/report` message: a text for people from a template, the machine's
 * part, the header of the original. UTF-8 addresses are written by RFC 6533 when the original came with SMTPUTF8.
 */
import { type Bytes, concat, latin1Decode, utf8Encode } from "../base/bytes.ts";
import { newId } from "../base/ids.ts";
import type { Address } from "./address.ts";
import { formatDate } from "./date.ts";
import type { Header } from "./header.ts";
import { fieldBytes } from "./header_text.ts";
import { newMessageId } from "./message_id.ts";
import { fillTemplate, parseTemplate, REPORT_TEMPLATES, type ReportKind } from "./report_template.ts";

export interface ReportRecipient {
  readonly address: Address;
  readonly action: "failed" | "delayed" | "delivered" | "relayed" | "expanded";
  /** ORCPT of RFC 3461 §4.2: whom the sender first meant. */
  readonly originalRecipient?: { readonly type: string; readonly address: string } | undefined;
  /** RFC 3463, e.g. "5.1.1". */
  readonly status: string;
  /** For people, in one line. */
  readonly reason: string;
  /** The host that decided. */
  readonly remote?: string | undefined;
  /** Of one delayed: until when it is tried, epoch milliseconds. */
  readonly retryUntil?: number | undefined;
  /** Its words. */
  readonly reply?:
    | { readonly code: number; readonly enhanced?: string; readonly text: string | readonly string[] }
    | undefined;
}

export interface ReportOptions {
  /** What it is about, for the text; `failed` by default. */
  readonly kind?: ReportKind | undefined;
  /** Our name. */
  readonly me: string;
  /** Whom it goes to: the sender of the original. */
  readonly to: Address;
  readonly recipients: readonly ReportRecipient[];
  /** Header of the original. */
  readonly original: Header;
  /** All of it, to be returned in the header's place (RFC 3461 §4.3). */
  readonly full?: Bytes | undefined;
  /** The deadline its sender set (RFC 2852 §5), epoch milliseconds. */
  readonly deliverBy?: number | undefined;
  /** The time it was held until (RFC 4865 §7), epoch milliseconds. */
  readonly holdUntil?: number | undefined;
  /** When the original came, epoch milliseconds. */
  readonly arrivedAt: number;
  /** Now, epoch milliseconds. */
  readonly time: number;
  /** What went wrong in one line; the first recipient's reason when left out. */
  readonly reason?: string | undefined;
  /** ENVID of the original (RFC 3461 §4.4); its message id stands in for it. */
  readonly envelopeId?: string | undefined;
  /** The original came with SMTPUTF8, so that its sender can read UTF-8 addresses. */
  readonly smtpUtf8?: boolean | undefined;
  /** Fields, an empty line, text; with placeholders (see `report_template.ts`). */
  readonly template?: string | undefined;
  readonly pid?: number | undefined;
  /** For the message id and the boundary. */
  readonly id?: string | undefined;
}

const NON_ASCII = /[^\x20-\x7e\t\r\n]/;

export function buildReport(o: ReportOptions): Bytes {
  const id = o.id ?? newId();
  const boundary = `report_${id}`;
  const utf8 = o.smtpUtf8 === true;
  const messageId = o.original.get("Message-ID");
  const values = placeholders(o, id);
  const template = parseTemplate(o.template ?? REPORT_TEMPLATES[o.kind ?? "failed"]);
  const fields = template.fields.map(([name, value]) => fieldBytes(name, fillTemplate(value, values), utf8));
  if (messageId !== undefined) fields.push(fieldBytes("References", messageId));
  fields.push(fieldBytes("MIME-Version", "1.0"));
  // RFC 6522 §3: report-type names the second part's subtype.
  const reportType = utf8 ? "global-delivery-status" : "delivery-status";
  fields.push(fieldBytes("Content-Type", `multipart/report; report-type=${reportType};\r\n\tboundary="${boundary}"`));
  return concat([
    ...fields,
    line(""),
    line("This is a report on a message, in the MIME format."),
    line(""),
    line(`--${boundary}`),
    // A reason may bring any line ends.
    ...textPart(fillTemplate(template.text, values).replace(/\r\n|\r|\n/g, "\r\n")),
    line(`--${boundary}`),
    ...statusPart(o, messageId, utf8),
    line(`--${boundary}`),
    ...(o.full === undefined ? headerPart(o.original.toBytes(), utf8) : messagePart(o.full, utf8)),
    line(`--${boundary}--`),
  ]);
}

function placeholders(o: ReportOptions, id: string): { readonly [word: string]: string } {
  const utf8 = o.smtpUtf8 === true;
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

/** Lines longer than RFC 5322 §2.1.1 allows, or other than ASCII, are sent in base64. */
function textPart(text: string): Bytes[] {
  const plain = !NON_ASCII.test(text) && text.split("\r\n").every((one) => one.length <= 998);
  if (plain) return [line("Content-Type: text/plain; charset=us-ascii"), line(""), line(text)];
  const encoded = btoa(latin1Decode(utf8Encode(text))).replace(/.{76}(?=.)/g, "$&\r\n");
  return [
    line("Content-Type: text/plain; charset=utf-8"),
    line("Content-Transfer-Encoding: base64"),
    line(""),
    line(encoded),
  ];
}

/** RFC 3464 §2: fields of the message, then a block for each recipient. */
function statusPart(o: ReportOptions, messageId: string | undefined, utf8: boolean): Bytes[] {
  const envelopeId = o.envelopeId ?? messageId;
  const out = [
    // RFC 6533 §3: what is not ASCII goes into the global form.
    line(`Content-Type: message/${utf8 ? "global-" : ""}delivery-status`),
    ...(utf8 ? [line("Content-Transfer-Encoding: 8bit")] : []),
    line(""),
    ...(envelopeId === undefined ? [] : [fieldBytes("Original-Envelope-Id", envelopeId)]),
    fieldBytes("Reporting-MTA", `dns; ${o.me}`),
    fieldBytes("Arrival-Date", formatDate(o.arrivedAt)),
  ];
  if (o.deliverBy !== undefined) out.push(fieldBytes("Deliver-By-Date", formatDate(o.deliverBy)));
  if (o.holdUntil !== undefined) {
    const date = new Date(o.holdUntil).toISOString().replace(/\.\d+Z$/, "Z");
    out.push(fieldBytes("Future-Release-Request", `until; ${date}`));
  }
  for (const recipient of o.recipients) out.push(line(""), ...recipientFields(recipient, utf8));
  out.push(line(""));
  return out;
}

function recipientFields(r: ReportRecipient, utf8: boolean): Bytes[] {
  const type = utf8 && r.address.isUtf8 ? "utf-8" : "rfc822";
  const { originalRecipient: original } = r;
  const out = [
    ...(original === undefined ? [] : [fieldBytes("Original-Recipient", originalText(original, utf8), utf8)]),
    fieldBytes("Final-Recipient", `${type}; ${recipientText(r.address, utf8)}`, utf8),
    fieldBytes("Action", r.action),
    fieldBytes("Status", r.status),
  ];
  if (r.remote !== undefined && r.remote !== "") out.push(fieldBytes("Remote-MTA", `dns; ${r.remote}`));
  if (r.reply !== undefined) out.push(fieldBytes("Diagnostic-Code", `smtp; ${diagnostic(r.reply)}`, utf8));
  // RFC 3464 §2.3.9
  if (r.retryUntil !== undefined) out.push(fieldBytes("Will-Retry-Until", formatDate(r.retryUntil)));
  return out;
}

/** RFC 3464 §2.3.1, RFC 6533 §3. */
function originalText({ type, address }: NonNullable<ReportRecipient["originalRecipient"]>, utf8: boolean): string {
  return `${type}; ${utf8 ? address : encodeNonAscii(address)}`;
}

/** An address that is not ASCII, in a report that must be: RFC 6533 §3's utf-8-addr-xtext says it in ASCII. */
function recipientText(address: Address, utf8: boolean): string {
  if (utf8) return address.isUtf8 ? address.format({ utf8 }).slice(1, -1) : address.address;
  return encodeNonAscii(address.address);
}

function encodeNonAscii(address: string): string {
  return Array.from(address, (char) => {
    const code = char.codePointAt(0)!;
    return code < 0x80 ? char : `\\x{${code.toString(16).toUpperCase()}}`;
  }).join("");
}

function diagnostic(reply: NonNullable<ReportRecipient["reply"]>): string {
  const lines = typeof reply.text === "string" ? [reply.text] : reply.text;
  const text = lines.map((one) => one.trim()).join(" ");
  const words = [String(reply.code), reply.enhanced ?? "", text].filter((word) => word !== "").join(" ");
  // deno-lint-ignore no-control-regex
  return words.replace(/[\x00-\x1f\x7f]+/g, " ");
}

function headerPart(header: Bytes, utf8: boolean): Bytes[] {
  const eightBit = header.some((byte) => byte > 127);
  return [
    line("Content-Description: Undelivered Message Headers"),
    line(`Content-Type: ${utf8 ? "message/global-headers" : "text/rfc822-headers"}`),
    ...(eightBit ? [line("Content-Transfer-Encoding: 8bit")] : []),
    line(""),
    header,
    line(""),
  ];
}

function messagePart(full: Bytes, utf8: boolean): Bytes[] {
  const eightBit = full.some((byte) => byte > 127);
  return [
    line("Content-Description: Undelivered Message"),
    line(`Content-Type: message/${utf8 ? "global" : "rfc822"}`),
    ...(eightBit ? [line("Content-Transfer-Encoding: 8bit")] : []),
    line(""),
    full,
    // This line end is the boundary's (RFC 2046 §5.1.1).
    line(""),
  ];
}

function line(text: string): Bytes {
  return utf8Encode(`${text}\r\n`);
}
