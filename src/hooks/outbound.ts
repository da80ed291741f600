/** What outbound hooks see, and the vocabulary that queue and delivery share with them. */
import type { Reply } from "../wire/reply.ts";
import type { Address } from "../mail/address.ts";
import type { Message } from "../mail/message.ts";
import type { Logger } from "../log/types.ts";
import type { Recipient } from "./session.ts";
import type { Site } from "./site.ts";

/** A next hop (Haraka's HarakaMx). */
export interface Destination {
  /** Host name or IP literal; "" when `path` is given. Lower-case. */
  readonly host: string;
  readonly port: number;
  /** A Unix socket. */
  readonly path?: string;
  readonly priority: number;
  readonly protocol: "smtp" | "lmtp";
  /** Source address. */
  readonly bind?: string;
  /** HELO name; the server's own when absent. */
  readonly bindHelo?: string;
  readonly auth?: { readonly user: string; readonly pass: string; readonly type?: string };
  /** The MX name this address came from. */
  readonly fromDns?: string;
  /** Absent: as tls.ini says. */
  readonly tls?: "none" | "opportunistic" | "required";
  /** On whose behalf: said by XCLIENT to a host that offers it, which then judges the client and not us. */
  readonly client?: { readonly ip: string; readonly helo?: string };
  /** Milliseconds to wait for a connection, where outbound.ini's `connect_timeout` should not hold. */
  readonly connectTimeoutMs?: number;
  /** Milliseconds to wait for each reply, where that is less than RFC 5321 §4.5.3.2 grants. */
  readonly replyTimeoutMs?: number;
}

/** What the sender wants for a message beside its transport, as MAIL said it. What was not said is not there. */
export interface MailOptions {
  /** RFC 3461 §4.3: how much of the message a report about a failure shall hold. */
  readonly ret?: "FULL" | "HDRS";
  /** RFC 3461 §4.4: the sender's own name for this envelope; printable ASCII, xtext decoded. */
  readonly envid?: string;
  /** RFC 6152, RFC 3030: what the octets of the message may be. */
  readonly body?: "7BIT" | "8BITMIME" | "BINARYMIME";
  /** RFC 8689: hand it on over verified TLS to servers that promise the same, or not at all. */
  readonly requireTls?: true;
  /** RFC 6710: -9 to 9; 0 is the same as none. */
  readonly priority?: number;
  /** RFC 2852: `at` is epoch milliseconds. R: fail then; N: tell the sender then and go on. */
  readonly deliverBy?: { readonly at: number; readonly mode: "R" | "N"; readonly trace: boolean };
  /** RFC 4865: not to be handed on before; epoch milliseconds. */
  readonly holdUntil?: number;
}

/** RFC 3461 §4.1. NEVER stands alone. */
export type Notify = "NEVER" | "SUCCESS" | "FAILURE" | "DELAY";

/** What a message is sent under. */
export interface Envelope {
  /** Transaction id. */
  readonly id: string;
  readonly sender: Address;
  readonly recipients: readonly Recipient[];
  /** Transaction notes, as plain JSON. */
  readonly notes: Readonly<Record<string, unknown>>;
  readonly smtpUtf8: boolean;
  readonly wanted?: MailOptions | undefined;
  /** Made by this server, of what became of another message: its own plugins are asked for it before it goes out. */
  readonly report?: true;
  /** Submissions under one key are the same one, and taken once within `idempotency_window` of outbound.ini. */
  readonly key?: string | undefined;
}

/** A message is safe. */
export interface Taken {
  /** The transaction id it is queued under. */
  readonly id: string;
  /** One with this key was taken before; `id` is that one's, and nothing was queued now. */
  readonly repeated: boolean;
}

/** One message for one domain: what is tried as a whole. */
export interface Item {
  /** Transaction id and `.N`. */
  readonly id: string;
  readonly domain: string;
  /** What it counts for as a destination, and how that is treated. Absent: as the domain's, or the next hop's, would be. */
  readonly site?: Site;
  readonly envelope: Envelope;
  /** Those still to be served. */
  readonly recipients: readonly Recipient[];
  /** Failed attempts so far. */
  readonly attempts: number;
  /** Epoch milliseconds. */
  readonly queuedAt: number;
  readonly size: number;
  readonly log: Logger;
}

export interface Reason {
  /** For the log and the sender, in one line. */
  readonly text: string;
  /** RFC 3463, e.g. "5.1.1". */
  readonly status: string;
  /** The peer's reply, when it was one that decided. */
  readonly reply?: Reply;
  /** The host that said so. */
  readonly remote?: string;
}

/** What became of one recipient in one attempt. `recipient` is one of the item's, by identity. */
export type Outcome =
  | {
    readonly kind: "delivered";
    readonly recipient: Recipient;
    readonly reply: Reply;
    /**
     * Who reports on it now (RFC 3461 §5.2): the peer, which took NOTIFY and ORCPT (`dsn-passed`), or us, for it takes none (`no-dsn`).
     * Left out where the recipient's own mailbox took it (LMTP).
     */
    readonly onward?: "dsn-passed" | "no-dsn";
    /** The sender set a deadline (`wanted.deliverBy`), and the peer keeps none: the sender is told that it was relayed (RFC 2852 §4.1.4.2). */
    readonly deadline?: "dropped";
  }
  | { readonly kind: "deferred"; readonly recipient: Recipient; readonly reason: Reason }
  | { readonly kind: "failed"; readonly recipient: Recipient; readonly reason: Reason };

/** The host that took it; `LOCAL`: a plugin of this server. */
export interface Via {
  readonly host: string;
  readonly ip: string;
  readonly port: number;
  readonly mode: "SMTP" | "LMTP" | "LOCAL";
  readonly tls: boolean;
  readonly authenticated: boolean;
}

/** One attempt: an outcome for every recipient of the item. */
export interface Attempt {
  readonly outcomes: readonly Outcome[];
  readonly via?: Via;
}

/** What a next hop said to one step. */
export type Said =
  | { readonly kind: "taken"; readonly reply: Reply }
  /** By the hop, or by us on its behalf: it does not take what this message needs. */
  | { readonly kind: "refused"; readonly verdict: "deferred" | "failed"; readonly reason: Reason }
  /** It cannot be reached, or the connection broke; nothing more will come. */
  | { readonly kind: "broken"; readonly reason: Reason };

/** The message is the hop's; what of the sender's wishes it took on, as outcomes have it. */
export interface Handed extends Extract<Said, { kind: "taken" }> {
  readonly via: Via;
  readonly onward: Pick<Extract<Outcome, { kind: "delivered" }>, "onward" | "deadline">;
}

/**
 * A message on its way to a next hop step by step, while its client is still at it. One step at a time; none rejects but for a bug. A signal that is
 * aborted breaks the connection.
 */
export interface LiveHop {
  /** Whether there is somebody to say the next step to. */
  readonly open: boolean;
  rcpt(recipient: Recipient, signal: AbortSignal): Promise<Said>;
  /** Behind it nothing but `content` may follow. */
  data(signal: AbortSignal): Promise<Said>;
  /** `taken`: the message is the hop's now. */
  content(message: Message, signal: AbortSignal): Promise<Handed | Exclude<Said, { kind: "taken" }>>;
  /** Takes leave; breaks off where a message is half said. Idempotent. */
  close(): void;
}

/** Hands messages to named next hops at once, without the queue (`queue/smtp_forward`, `queue/smtp_proxy`). */
export interface Forwarder {
  /** Never rejects but on abort. */
  send(item: Item, message: Message, destinations: readonly Destination[], signal: AbortSignal): Promise<Attempt>;
  /** Opens a connection of its own to the first that is there, SMTP only, and says MAIL. */
  begin(
    start: LiveStart,
    destinations: readonly Destination[],
    signal: AbortSignal,
  ): Promise<(Said & { readonly kind: "taken"; readonly hop: LiveHop }) | Exclude<Said, { kind: "taken" }>>;
}

export interface LiveStart {
  readonly envelope: Pick<Envelope, "sender" | "smtpUtf8" | "wanted">;
  /** Octets, where the client said how many. */
  readonly size?: number;
  readonly log: Logger;
}
