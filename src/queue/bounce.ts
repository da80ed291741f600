/** The report a sender gets about recipients that failed for good (RFC 3464), as a message of its own from the null sender. */
import type { Envelope, Item, Outcome } from "../hooks/outbound.ts";
import { makeAddress } from "../mail/address.ts";
import { buildReport } from "../mail/dsn.ts";
import { createMessage, type Message } from "../mail/message.ts";
import { memorySource } from "../mail/source.ts";

export type Failed = Extract<Outcome, { kind: "failed" }>;

export interface BounceOptions {
  readonly me: string;
  /** "" for the built-in one. */
  readonly template: string;
  readonly item: Item;
  readonly failed: readonly Failed[];
  /** The message that failed. */
  readonly original: Message;
  readonly error: string;
  readonly now: number;
  readonly pid: number;
  /** Of the report. */
  readonly id: string;
}

export function makeBounce(o: BounceOptions): { readonly envelope: Envelope; readonly message: Message } {
  const { item, failed } = o;
  const { sender, smtpUtf8 } = item.envelope;
  const report = buildReport({
    me: o.me,
    to: sender,
    recipients: failed.map(({ recipient, reason }) => ({
      address: recipient.address,
      action: "failed",
      status: reason.status,
      reason: reason.text,
      remote: reason.remote,
      reply: reason.reply,
    })),
    original: o.original.header,
    arrivedAt: item.queuedAt,
    time: o.now,
    reason: o.error,
    smtpUtf8,
    template: o.template === "" ? undefined : o.template,
    pid: o.pid,
    id: o.id,
  });
  const envelope: Envelope = {
    id: o.id,
    sender: makeAddress({ original: "", user: "", host: "", isUtf8: false }),
    recipients: [{ address: sender, parameters: new Map() }],
    notes: {},
    smtpUtf8,
  };
  return { envelope, message: createMessage(memorySource(report)) };
}
