/**
 * What a sender is told of recipients (RFC 3464), as a message of its own from the null sender: that they failed for good, are late, or have
 * it. Who is told of what, RFC 3461 says.
 */
import { type Bytes, concat } from "../base/bytes.ts";
import type { Envelope, Item, MailOptions, Notify, Outcome } from "../hooks/outbound.ts";
import type { Recipient } from "../hooks/session.ts";
import type { Logger } from "../log/types.ts";
import { NULL_ADDRESS } from "../mail/address.ts";
import { buildReport, type ReportOptions as Said, type ReportRecipient } from "../mail/dsn.ts";
import { createMessage, type Message } from "../mail/message.ts";
import type { ReportKind, SiteTemplates } from "../mail/report_template.ts";
import { memorySource } from "../mail/source.ts";

export type Failed = Extract<Outcome, { kind: "failed" }>;

/** What became of one recipient, as the report says it. */
export type ReportLine = Pick<ReportRecipient, "action" | "status" | "reason" | "remote" | "reply" | "retryUntil"> & {
  readonly recipient: Recipient;
};

export interface ReportOptions {
  readonly kind: ReportKind;
  readonly me: string;
  /** For failures; of what the site does not have, the built-in words are taken. */
  readonly templates: SiteTemplates;
  readonly log: Logger;
  readonly item: Pick<Item, "envelope" | "queuedAt">;
  readonly lines: readonly ReportLine[];
  /** The message it is about. */
  readonly original: Message;
  /** All of it, when it goes back to the sender. */
  readonly full?: Bytes | undefined;
  /** In one line; the first recipient's reason when left out. */
  readonly error?: string | undefined;
  readonly now: number;
  readonly pid: number;
  /** Of the report. */
  readonly id: string;
}

export function makeReport(o: ReportOptions): { readonly envelope: Envelope; readonly message: Message } {
  const { sender, smtpUtf8, wanted } = o.item.envelope;
  const said: Said = {
    kind: o.kind,
    me: o.me,
    to: sender,
    recipients: o.lines.map(({ recipient, ...line }) => ({
      ...line,
      address: recipient.address,
      originalRecipient: recipient.originalRecipient,
    })),
    original: o.original.header,
    full: o.full,
    arrivedAt: o.item.queuedAt,
    time: o.now,
    reason: o.error,
    envelopeId: wanted?.envid,
    deliverBy: wanted?.deliverBy?.at,
    holdUntil: wanted?.holdUntil,
    smtpUtf8,
    pid: o.pid,
    id: o.id,
  };
  const report = o.kind === "failed" ? inSitesWords(said, o) : buildReport(said);
  const envelope: Envelope = {
    id: o.id,
    sender: NULL_ADDRESS,
    recipients: [{ address: sender, parameters: new Map(), notify: ["NEVER"] }],
    notes: {},
    // RFC 6533 §4: any server can take it, but where the sender's own address asks for more.
    smtpUtf8: sender.isUtf8,
    wanted: wishesOfReport(wanted),
    report: true,
  };
  return { envelope, message: createMessage(memorySource(report)) };
}

/** Whatever is wrong with a site's template, the sender is told. */
function inSitesWords(said: Said, { templates, log }: ReportOptions): Bytes {
  try {
    return buildReport({ ...said, templates });
  } catch (fault) {
    log.error(`The site's templates for reports do not do, the built-in one is taken: ${fault}`);
    return buildReport(said);
  }
}

/** RFC 6710 §4.4: as urgent as what it tells of. RFC 8689 §5: as secret. */
function wishesOfReport(wanted: MailOptions | undefined): MailOptions | undefined {
  if (wanted?.priority === undefined && wanted?.requireTls === undefined) return undefined;
  const { priority, requireTls } = wanted;
  return { ...(priority === undefined ? {} : { priority }), ...(requireTls ? { requireTls } : {}) };
}

/** Whether the sender is to hear of it (RFC 3461 §4.1); `unasked`: also one who said nothing of it. */
export function isToldOf(what: Exclude<Notify, "NEVER">, { notify }: Recipient, unasked: boolean): boolean {
  return notify === undefined ? unasked : notify.includes(what);
}

/**
 * The whole message, when RET asks for it and it is not too large (RFC 3461 §4.3). Not that of a secret one, and not one whose octets no
 * plain report can carry.
 */
export async function returnable(item: Item, message: Message, most: number): Promise<Bytes | undefined> {
  const { wanted } = item.envelope;
  if (wanted?.ret !== "FULL" || wanted.requireTls || wanted.body === "BINARYMIME" || item.size > most) return undefined;
  const chunks: Bytes[] = [];
  for await (const chunk of message.open()) chunks.push(chunk);
  return concat(chunks);
}
