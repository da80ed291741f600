/**
 * The machine's part of a report (RFC 3464 §2): fields of the message, then a block for each recipient.
 *
 * In `message/global-delivery-status` (RFC 6533 §3) addresses stand in UTF-8; in the plain form, which is ASCII, they are written as utf-8-addr-xtext.
 */
import type { Bytes } from "../base/bytes.ts";
import { ipVersion } from "../base/ip.ts";
import { encodeUtf8Address } from "../wire/xtext.ts";
import type { Address } from "./address.ts";
import { formatDate } from "./date.ts";
import { fieldBytes } from "./header_text.ts";

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

export interface StatusOptions {
  /** Our name. */
  readonly me: string;
  readonly recipients: readonly ReportRecipient[];
  /** ENVID of the original (RFC 3461 §4.4). */
  readonly envelopeId?: string | undefined;
  /** When the original came, epoch milliseconds. */
  readonly arrivedAt: number;
  /** The deadline its sender set (RFC 2852 §5), epoch milliseconds. */
  readonly deliverBy?: number | undefined;
  /** The time it was held until (RFC 4865 §7), epoch milliseconds. */
  readonly holdUntil?: number | undefined;
  /** In the global form. */
  readonly utf8: boolean;
}

/** All of its fields; each block of a recipient stands behind an empty line. */
export function statusFields(o: StatusOptions): readonly Bytes[] {
  const out = [
    // RFC 3464 §2.2.1: what the sender gave, and nothing in its place.
    ...(o.envelopeId === undefined ? [] : [fieldBytes("Original-Envelope-Id", o.envelopeId)]),
    fieldBytes("Reporting-MTA", `dns; ${o.me}`),
    fieldBytes("Arrival-Date", formatDate(o.arrivedAt)),
  ];
  if (o.deliverBy !== undefined) out.push(fieldBytes("Deliver-By-Date", formatDate(o.deliverBy)));
  if (o.holdUntil !== undefined) {
    const date = new Date(o.holdUntil).toISOString().replace(/\.\d+Z$/, "Z");
    out.push(fieldBytes("Future-Release-Request", `until; ${date}`));
  }
  for (const recipient of o.recipients) out.push(BLANK, ...recipientFields(recipient, o.utf8));
  return out;
}

const BLANK: Bytes = Uint8Array.of(13, 10);

function recipientFields(r: ReportRecipient, utf8: boolean): Bytes[] {
  const { originalRecipient: original } = r;
  const out = [
    ...(original === undefined ? [] : [fieldBytes("Original-Recipient", originalText(original, utf8), utf8)]),
    fieldBytes("Final-Recipient", finalText(r.address, utf8), utf8),
    fieldBytes("Action", r.action),
    fieldBytes("Status", r.status),
  ];
  if (r.remote !== undefined && r.remote !== "") out.push(fieldBytes("Remote-MTA", mtaText(r.remote)));
  if (r.reply !== undefined) out.push(fieldBytes("Diagnostic-Code", `smtp; ${diagnostic(r.reply)}`, utf8));
  // RFC 3464 §2.3.9
  if (r.retryUntil !== undefined) out.push(fieldBytes("Will-Retry-Until", formatDate(r.retryUntil)));
  return out;
}

/** RFC 3464 §2.3.1, RFC 6533 §3. */
function originalText({ type, address }: NonNullable<ReportRecipient["originalRecipient"]>, utf8: boolean): string {
  if (utf8 || ASCII.test(address)) return `${type}; ${address}`;
  return `utf-8; ${encodeUtf8Address(address)}`;
}

/** RFC 3464 §2.3.2. An address that only SMTPUTF8 can carry is of another type (RFC 6533 §3). */
function finalText(address: Address, utf8: boolean): string {
  if (!address.isUtf8) return `rfc822; ${address.address}`;
  const typed = address.format({ utf8: true }).slice(1, -1);
  return `utf-8; ${utf8 ? typed : encodeUtf8Address(typed)}`;
}

/** RFC 3464 §2.1.2: a name, or an address in brackets. A Unix socket is neither. */
function mtaText(remote: string): string {
  if (remote.startsWith("/")) return `x-unix; ${remote}`;
  const version = ipVersion(remote);
  return `dns; ${version === undefined ? remote : version === 4 ? `[${remote}]` : `[IPv6:${remote}]`}`;
}

// deno-lint-ignore no-control-regex
const ASCII = /^[\x00-\x7f]*$/;

function diagnostic(reply: NonNullable<ReportRecipient["reply"]>): string {
  const lines = typeof reply.text === "string" ? [reply.text] : reply.text;
  const text = lines.map((one) => one.trim()).join(" ");
  const words = [String(reply.code), reply.enhanced ?? "", text].filter((word) => word !== "").join(" ");
  // deno-lint-ignore no-control-regex
  return words.replace(/[\x00-\x1f\x7f]+/g, " ");
}
