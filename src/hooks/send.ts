/**
 * Mail of a plugin's own (Haraka's `outbound.send_email`, spec 02 §1.2): from any hook, a route, a timer, while the server runs.
 *
 * {@linkcode createOutbound} never rejects: what becomes of a mail is a value. `queued` is said once it is safe on disk, not when it is delivered. A
 * stream is read as fast as the disk takes it, and its start alone is kept in memory; one that breaks leaves nothing behind.
 */
import { type Bytes, EMPTY, utf8Encode } from "../base/bytes.ts";
import { newId } from "../base/ids.ts";
import type { Logger } from "../log/types.ts";
import { type Address, parseAddress } from "../mail/address.ts";
import { canonical } from "../mail/canonical.ts";
import { loadMessage, type Message, type Source } from "../mail/message.ts";
import { memorySource } from "../mail/source.ts";
import type { Envelope, MailOptions, Taken } from "./outbound.ts";
import type { Recipient } from "./session.ts";
import { submissionKey } from "./submission_key.ts";

/** An address as text, with or without brackets, or as a value. */
export type AddressLike = Address | string;

export interface NewMail {
  /** `<>` for mail that nobody is to hear of. */
  readonly from: AddressLike;
  readonly to: AddressLike | readonly AddressLike[];
  /** Header, an empty line, body; lines end in LF or CRLF. Text is UTF-8. */
  readonly content: string | Uint8Array | AsyncIterable<Uint8Array | string>;
  /** Lines that begin with a dot have a second one in front, as on the wire. */
  readonly dotStuffed?: boolean;
  /** Of the envelope; plain JSON. Plugins find them at `item.envelope.notes`. */
  readonly notes?: Readonly<Record<string, unknown>>;
  /** Take the field out, so that a new one is made. */
  readonly removeMessageId?: boolean;
  readonly removeDate?: boolean;
  /** Mail with the same key and sender is the same one, and queued once within `idempotency_window` of outbound.ini. */
  readonly key?: string;
  /** What the sender wants beside transport: priority, REQUIRETLS, a deadline … */
  readonly wanted?: MailOptions;
  /** Whose doing it is, for the log: a session, a transaction. The plugin itself when left out. */
  readonly origin?: { readonly log: Logger };
  /** Ends the reading of a stream. */
  readonly signal?: AbortSignal;
}

/** What became of it. */
export type Sent =
  /** `repeated`: one with its key was queued before, under this id. */
  | { readonly kind: "queued"; readonly id: string; readonly repeated?: true }
  /** It will never do. */
  | { readonly kind: "refused"; readonly why: "from" | "to" | "nobody"; readonly text: string }
  /** The content could not be read to its end, or the queue cannot take it now. */
  | { readonly kind: "deferred"; readonly why: "content" | "queue"; readonly text: string; readonly cause: unknown };

/** Items in the outbound queue. */
export interface QueueNumbers {
  readonly inProgress: number;
  /** Due, waiting for a slot. */
  readonly queued: number;
  /** Waiting for their time. */
  readonly tempFail: number;
  readonly held: number;
}

export interface Outbound {
  send(mail: NewMail): Promise<Sent>;
  /** Of all workers together in the main thread, of its own in a worker. */
  stats(): QueueNumbers | Promise<QueueNumbers>;
}

/** A file that content streams into (the queue's `Spool`). */
export interface ContentFile {
  write(chunk: Uint8Array): void | Promise<void>;
  finish(): Promise<Source>;
  /** Removes it, unless the queue has it by now. */
  discard(): void;
}

export interface OutboundParts {
  enqueue(envelope: Envelope, message: Message): Promise<Taken>;
  spool(): ContentFile;
  stats(): QueueNumbers | Promise<QueueNumbers>;
}

/** Whose keys plugins' are: no client's. */
const OURS = "plugins";
/** Octets of a stream that are kept in memory; more of them go to a file. */
const IN_MEMORY = 64 * 1024;

export function createOutbound(parts: OutboundParts, own: Logger): Outbound {
  return {
    stats: () => parts.stats(),
    async send(mail) {
      const { log } = mail.origin ?? { log: own };
      const sent = await send(parts, mail);
      if (sent.kind === "queued") log.info("Sends a mail of a plugin's", { id: sent.id });
      else log.warn("Cannot send a mail of a plugin's", { reason: sent.text });
      return sent;
    },
  };
}

async function send(parts: OutboundParts, mail: NewMail): Promise<Sent> {
  const sender = addressOf(mail.from);
  if (sender === undefined) return { kind: "refused", why: "from", text: `Malformed from: ${mail.from}` };
  const recipients: Recipient[] = [];
  for (const one of isList(mail.to) ? mail.to : [mail.to]) {
    const address = addressOf(one);
    if (address === undefined || address.isNull()) {
      const text = `Malformed to address (${one}): ${address === undefined ? "it is no address" : "nobody has it"}`;
      return { kind: "refused", why: "to", text };
    }
    recipients.push({ address, parameters: new Map() });
  }
  if (recipients.length === 0) return { kind: "refused", why: "nobody", text: "No recipients for email" };

  const content = await read(mail, parts);
  if ("kind" in content) return content;
  try {
    const message = await loadMessage(content.source);
    if (mail.removeMessageId) message.header.remove("Message-Id");
    if (mail.removeDate) message.header.remove("Date");
    const envelope: Envelope = {
      id: newId(),
      sender,
      recipients,
      notes: { ...mail.notes },
      smtpUtf8: [sender, ...recipients.map(({ address }) => address)].some(({ isUtf8 }) => isUtf8),
      ...(mail.wanted && { wanted: mail.wanted }),
      ...(mail.key !== undefined && { key: await submissionKey(OURS, sender.address, mail.key) }),
    };
    const { id, repeated } = await parts.enqueue(envelope, message);
    return { kind: "queued", id, ...(repeated && { repeated }) };
  } catch (cause) {
    return { kind: "deferred", why: "queue", text: textOf(cause), cause };
  } finally {
    content.file?.discard();
  }
}

type Deferred = Extract<Sent, { kind: "deferred" }>;

interface Content {
  readonly source: Source;
  readonly file?: ContentFile;
}

/** What the stream, the disk or the signal says is a value; nothing is left behind then. */
async function read({ content, dotStuffed, signal }: NewMail, parts: OutboundParts): Promise<Content | Deferred> {
  const next = canonical(dotStuffed === true);
  if (typeof content === "string") return { source: memorySource(next(utf8Encode(content))) };
  if (content instanceof Uint8Array) return { source: memorySource(next(content)) };
  let start: Bytes = new Uint8Array(IN_MEMORY);
  let used = 0;
  let file: ContentFile | undefined;
  let why: Deferred["why"] = "content";
  try {
    signal?.throwIfAborted();
    for await (const chunk of heeding(content, signal)) {
      const octets = next(typeof chunk === "string" ? utf8Encode(chunk) : chunk);
      if (file === undefined && used + octets.length <= IN_MEMORY) {
        start.set(octets, used);
        used += octets.length;
        continue;
      }
      why = "queue";
      if (file === undefined) {
        file = parts.spool();
        await file.write(start.subarray(0, used));
        start = EMPTY;
      }
      const written = file.write(octets);
      if (written !== undefined) await written;
      why = "content";
    }
    if (file === undefined) return { source: memorySource(start.subarray(0, used)) };
    why = "queue";
    return { source: await file.finish(), file };
  } catch (cause) {
    file?.discard();
    const text = why === "content" ? `The content cannot be read: ${textOf(cause)}` : textOf(cause);
    return { kind: "deferred", why, text, cause };
  }
}

/** The chunks, until the signal says so: then it rejects at once and lets go of them. */
async function* heeding<T>(chunks: AsyncIterable<T>, signal: AbortSignal | undefined): AsyncGenerator<T> {
  if (signal === undefined) return yield* chunks;
  const aborted = Promise.withResolvers<never>();
  aborted.promise.catch(() => {});
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  const iterator = chunks[Symbol.asyncIterator]();
  let ended = false;
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), aborted.promise]);
      if (next.done) {
        ended = true;
        return;
      }
      yield next.value;
    }
  } finally {
    signal.removeEventListener("abort", abort);
    // A generator that waits for a chunk would not hear of it before that comes: it is not waited for.
    if (!ended) void Promise.resolve(iterator.return?.()).catch(() => {});
  }
}

function addressOf(given: AddressLike): Address | undefined {
  return typeof given === "string" ? parseAddress(given) : given;
}

function isList(to: NewMail["to"]): to is readonly AddressLike[] {
  return Array.isArray(to);
}

function textOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
