/** What hook functions see of a session and its transaction. The session room implements these. */
import type { TlsInfo } from "../host/types.ts";
import type { Logger } from "../log/types.ts";
import type { Address } from "../mail/address.ts";
import type { Attachment } from "../mail/attachments.ts";
import type { BodyFilter } from "../mail/body_edits.ts";
import type { Part } from "../mail/parts.ts";
import type { TokenFault } from "../wire/sasl/bearer.ts";
import type { ScramKeys } from "../wire/sasl/scram_keys.ts";
import type { Notes } from "./notes.ts";
import type { MailOptions, Notify } from "./outbound.ts";
import type { Results } from "./results.ts";

/** ESMTP parameters: upper-case key, value as sent, `null` when it had none. */
export type Parameters = ReadonlyMap<string, string | null>;

export interface Tally {
  accept: number;
  tempfail: number;
  reject: number;
}

export interface Session {
  /** 8-4-4-4-12 upper-case hex. */
  readonly id: string;
  readonly local: { readonly ip: string; readonly port: number; /** Server name (`me`). */ readonly host: string };
  readonly remote: {
    /** A plugin that knows better may say so: `isPrivate` and `isLocal` follow. */
    ip: string;
    readonly port: number;
    /** Reverse DNS name; `NXDOMAIN`, `DNSERROR` or `Unknown` when there is none; "" before lookup_rdns. */
    readonly host: string;
    /** `host`, unless a plugin says better (p0f, XCLIENT). */
    info: string;
    readonly isPrivate: boolean;
    readonly isLocal: boolean;
    /** The peer has gone. */
    readonly closed: boolean;
  };
  readonly hello: { readonly verb: "HELO" | "EHLO"; readonly host: string } | undefined;
  /** The server in front that spoke for the client, and how: then `local` and `remote` are what it said. */
  readonly proxy: { readonly type: "haproxy" | "xclient"; readonly ip: string } | undefined;
  readonly tls: TlsInfo | undefined;
  readonly auth: { readonly user: string; readonly method: string } | undefined;
  /** May this client send to anyone? Stored on the transaction while there is one (lost with it), else on the session. */
  relaying: boolean;
  readonly transaction: Transaction | undefined;
  readonly notes: Notes;
  readonly results: Results;
  readonly log: Logger;
  /** Protocol errors so far. */
  errors: number;
  readonly earlyTalker: boolean;
  readonly pipelining: boolean;
  readonly rcptCount: Readonly<Tally>;
  readonly msgCount: Readonly<Tally>;
  readonly transactions: number;
  /** Octets of message data taken so far. */
  readonly totalBytes: number;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  /** Aborted when the session is over. */
  readonly signal: AbortSignal;
}

/** Who the client is, by the word of a server in front that is trusted. */
export interface ClientFacts {
  readonly remote: {
    readonly ip: string;
    readonly port: number; /** Its name; looked up when left out. */
    readonly host?: string;
  };
  /** Where the client connected to; as before when left out. */
  readonly local?: { readonly ip: string; readonly port: number } | undefined;
  readonly hello?: { readonly verb: "HELO" | "EHLO"; readonly host: string } | undefined;
}

export interface Recipient {
  /** Where it goes. A plugin at `rcpt` may put another address in its place (aliases); those after it see that one. */
  address: Address;
  /** What the client said, once `address` is another: what the client is told of. */
  given?: Address;
  readonly parameters: Parameters;
  /** RFC 3461 §4.1: of what the sender wants to hear; left out: of failures, and of delays if the server likes. */
  notify?: readonly Notify[];
  /** RFC 3461 §4.2: the address the sender first meant; `type` such as `rfc822`, the address decoded. */
  readonly originalRecipient?: { readonly type: string; readonly address: string };
  /**
   * One of several addresses that an alias stands for, whose sender wants to hear of its delivery: once the message is taken, it is told that this
   * one was expanded (RFC 3461 §5.2.7.3). None of the several asks for SUCCESS then.
   */
  expandedFrom?: Address;
}

export interface Transaction {
  /** Session id and `.N`. */
  readonly id: string;
  readonly sender: Address;
  /** MAIL's parameters. */
  readonly parameters: Parameters;
  /** Accepted recipients; plugins may edit the list (aliases). */
  recipients: Recipient[];
  readonly notes: Notes;
  readonly results: Results;
  /** Names of plugins whose hooks are passed over for this transaction. */
  readonly skipPlugins: Set<string>;
  readonly rcptCount: Readonly<Tally>;
  /** Whether MAIL said SMTPUTF8. */
  readonly smtpUtf8: boolean;
  /** What MAIL wanted beside the transport (RFC 3461 and others); undefined when nothing. */
  readonly wanted?: MailOptions | undefined;
  /** What shall be done with the message's body. Costs nothing until it is asked for. */
  readonly body: TransactionBody;
  readonly log: Logger;
}

/** Plugins say at `data`, or before, what they want done with the body; banner, filters and tree may be asked for at `data_post` as well. */
export interface TransactionBody {
  /** Makes the tree while the message arrives, so that it is there at once, and with `discardData` at all. */
  parse(): undefined;
  /** The message as a tree of its parts, as it came in; at `data_post` and later, whether `parse` was called or not. */
  tree(): Promise<Part>;
  /**
   * Hands out each attachment while it arrives. A stream that is being read holds up the client once 64 KiB wait; one that is not locked when
   * `take` is done is let go. The end of the message waits for what `take` promised. What it throws, and a reader that makes us
   * wait for 30 s, put the mail off with 451. Throws a TypeError once the message arrives.
   */
  onAttachment(take: (attachment: Attachment) => void | Promise<void>): undefined;
  /** A text behind the text that is shown first, and in front of its HTML form's `</body>`. `html`: the text, its line breaks shown. */
  setBanner(text: string, html?: string): undefined;
  /**
   * Edits each text part whose type begins with a string, or matches a RegExp. Filters run in order, behind `data_post` and before the message is queued.
   * What `edit` throws, or 30 s without an answer, put the mail off with 451.
   */
  addFilter(match: string | RegExp, edit: BodyFilter): undefined;
  /** Keep the header only: for plugins that take the message by other means. The outbound queue refuses it with 451. */
  discardData: boolean;
}

/** What EHLO will list; the `capabilities` hook edits it. */
export interface Capabilities {
  /** Lines in order, e.g. `SIZE 26214400`. */
  readonly lines: string[];
  /**
   * AUTH mechanisms on offer: `PLAIN`, `LOGIN`, `CRAM-MD5`, `SCRAM-SHA-256`, `OAUTHBEARER`, `XOAUTH2`. A plugin that adds one must answer the
   * `auth` hook. The engine puts `SCRAM-SHA-256-PLUS` beside `SCRAM-SHA-256` where the client can be bound to the TLS channel.
   */
  readonly auth: Set<string>;
  /** The engine can do STARTTLS now: certificates are loaded and the session is still plain. */
  readonly canStartTls: boolean;
  /** Offer it (the `tls` plugin does). */
  startTls: boolean;
}

/** What is known of a user: the password itself, or keys made of it that tell nobody what it is. */
export type Known = { readonly password: string } | { readonly scram: ScramKeys };

/** A client's credentials; the `auth` hook says `ok()` or `deny()`. */
export interface AuthAttempt {
  readonly mechanism: string;
  /** Who the client says it is, and who it will have been. A plugin that knows better, from a token, may say so. */
  user: string;
  /** PLAIN and LOGIN only. */
  readonly password: string | undefined;
  /** OAUTHBEARER and XOAUTH2 only; "" when the client just asks what kind of token it needs. */
  readonly token: string | undefined;
  /** Compares with the true password in constant time, whatever the mechanism: `verify({ password })`. */
  matches(truePassword: string): boolean | Promise<boolean>;
  /**
   * Whether the credentials fit what is known of the user. With SCRAM the rest of the dialogue with the client is held here: ask it only for
   * a user you know, and say `ok()` only when it was true. CRAM-MD5 fits passwords only, a token neither.
   */
  verify(known: Known): boolean | Promise<boolean>;
  /** Why a token is refused, for the client; without it `invalid_token`. */
  tokenFault: TokenFault | undefined;
  /** SCRAM: how keys of your users look, so that a user nobody knows looks the same. Without it as `newScramKeys` makes them. */
  decoy: { readonly iterations: number; readonly saltOctets: number } | undefined;
}
