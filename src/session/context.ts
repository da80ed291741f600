/**
 * All that a session is given: who is at the other end, the hooks, the settings, and the few things it asks of the house.
 *
 * `server.ts` makes one per connection; a test makes one from literals (`tests/kit/session_kit.ts`). A session imports neither
 * queue nor delivery nor a runtime: what it needs of them are the functions below.
 */
import type { Bytes } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import type { Envelope, Taken } from "../hooks/outbound.ts";
import type { ResultRoom } from "../hooks/result_room.ts";
import type { Hooks } from "../hooks/runner.ts";
import type { Addr, Resolver, TlsInfo } from "../host/types.ts";
import type { Logger } from "../log/types.ts";
import type { Message, Source } from "../mail/message.ts";
import type { ProxyHeader } from "../wire/proxy.ts";
import type { Incoming } from "../wire/reader.ts";
import type { Outgoing } from "../wire/writer.ts";
import type { AuthFailures } from "./auth_failures.ts";

/** The two directions of a connection, as streams or as calls, and what a handshake settled for it. */
export interface SessionStreams {
  readonly readable: Incoming;
  readonly writable: Outgoing;
}
export interface SecureStreams extends SessionStreams {
  readonly tls: TlsInfo;
}

/** A file that a large body streams into while it arrives. One owner; ends by `finish` or `discard`, whichever comes first. */
export interface BodyFile {
  /** The chunk is only the session's until the call returns (or its promise resolves). Rejects when the disk fails or is full. */
  write(chunk: Uint8Array): void | Promise<void>;
  /** The whole body, safe on disk. The source stays readable until `discard`, or until the queue has taken it over. */
  finish(): Promise<Source>;
  /** Lets go of it; removes the file unless the queue has taken it over. Calling it twice, or after `finish`, is fine. */
  discard(): void;
}

/** Plain values, read from the configuration once per session; shared by all sessions of the same configuration. */
export interface SessionSettings {
  /** Server name, for the banner, HELO replies and Received. */
  readonly me: string;
  /** What banner and Received say of us: `Kasi/0.1.0`, or `Kasi` without show_version. */
  readonly product: string;
  readonly limits: SessionLimits;
  /** Milliseconds without a word from the peer, or without it taking ours. */
  readonly inactivityTimeoutMs: number;
  /** Lines of the 220; [] for the standard one. */
  readonly greeting: readonly string[];
  /** Behind `ME Hello HOST, ` in the reply to HELO and EHLO. */
  readonly helo: string;
  /** Behind the server's name in the 221. */
  readonly close: string;
  /** How many characters of the session's id the banner shows; 0 for none. */
  readonly bannerChars: number;
  /** How many characters of the id stand in front of each line of a refusal; 0 for none. */
  readonly denyChars: number;
  /** MAIL and RCPT without tolerance for stray blanks and missing brackets (not for relaying clients). */
  readonly strictRfc1869: boolean;
  readonly smtpUtf8: boolean;
  readonly addReceived: boolean;
  /** Rename Authentication-Results fields that came from outside. */
  readonly cleanAuthResults: boolean;
  /** Addresses and networks that speak the PROXY protocol to us, and always do. */
  readonly haproxyHosts: readonly string[];
  /** An LF without CR inside a message. It never ends one. */
  readonly bareLf: "refuse" | "allow";
  /** Lines of a message that are longer than `limits.dataLineLength`. */
  readonly longLines: "keep" | "break";
  /** Octets of a body that are kept in memory; what is larger streams to a {@linkcode BodyFile}. */
  readonly spoolAfter: number;
  /** Ports on which MAIL wants authentication first. */
  readonly submissionPorts: readonly number[];
  readonly extensions: ExtensionSettings;
  /** The field by which a client that may relay names a submission that is to be taken once; "" for none. */
  readonly idempotencyHeader: string;
}

/** Which extensions EHLO lists that ask something of the queue; what is not listed may not be used. */
export interface ExtensionSettings {
  /** RFC 3461. */
  readonly dsn: boolean;
  /** RFC 8689; listed once TLS is there. */
  readonly requireTls: boolean;
  /** RFC 3030 §3. */
  readonly binaryMime: boolean;
  /** RFC 6710. */
  readonly priority: boolean;
  /** RFC 2852. */
  readonly deliverBy: boolean;
  /** The least that a client may give in mode R, in seconds; 0: any. */
  readonly deliverByMin: number;
  /** RFC 4865: seconds for which a message may be held; 0: not offered. Only for clients that may relay. */
  readonly futureRelease: number;
  /** RFC 9422: list the limits. They hold whether or not. */
  readonly limits: boolean;
}

export interface SessionLimits {
  /** Octets of a command line, its CRLF included. */
  readonly lineLength: number;
  /** Octets of a message; 0 for no limit. */
  readonly dataBytes: number;
  /** Octets of a line of a message, its CRLF included; `longLines` says what becomes of longer ones. */
  readonly dataLineLength: number;
  readonly mimeParts: number;
  /** Received fields before a message counts as looping, our own included. */
  readonly receivedHeaders: number;
  /** Lines of header worth a warning beyond it. */
  readonly headerLines: number;
  /** Protocol errors after which we hang up with 421; 0 for never. */
  readonly errors: number;
  /** Failed AUTH exchanges after which we hang up; 0 for never. */
  readonly authFailures: number;
  /** Recipients of one message; 0 for no limit. RFC 5321 §4.5.3.1.8 wants at least 100. */
  readonly recipients: number;
  /** MAIL commands of one session (RFC 9422 §4.1); 0 for no limit. */
  readonly messages: number;
  /** Domains of recipients within one session (RFC 9422 §4.3); 0 for no limit. */
  readonly recipientDomains: number;
}

export interface SessionContext {
  readonly local: Addr;
  readonly remote: Addr;
  readonly hooks: Hooks;
  /** The session makes children of it under its own ids. */
  readonly log: Logger;
  readonly clock: Clock;
  readonly resolver: Resolver;
  readonly settings: SessionSettings;
  /** What a proxy said in front of a handshake; without TLS the session reads it itself. */
  readonly proxy?: ProxyHeader;
  /** What the handshake settled, when the connection was secure from its first byte. */
  readonly tls?: TlsInfo;
  /**
   * STARTTLS: writes `reply` and turns the connection into a secure one. Nobody holds a reader or writer of the old streams then.
   * Rejects, the connection closed, when the handshake fails. Absent when no certificate is loaded.
   */
  readonly upgrade?: (reply: Bytes) => Promise<SecureStreams>;
  /**
   * Ends our direction of whatever the connection is by now (FIN), the peer may go on: `conn.closeWrite()`. Without it the whole
   * connection closes with its writable, and a peer that is still sending may miss our last reply.
   */
  readonly closeWrite?: () => Promise<void>;
  /** Whether an address belongs to an interface of this machine (loopback is known without asking). */
  readonly isLocalAddress?: (ip: string) => boolean;
  /** Puts a message into the outbound queue; resolves once it is safe on disk. A rejection becomes 451 for the client. */
  readonly enqueue: (envelope: Envelope, message: Message) => Promise<Taken>;
  /**
   * A plugin took a message whose sender may want to hear of it (RFC 3461): the queue tells it. Never rejects. Absent where there is no queue.
   */
  readonly delivered?: (envelope: Envelope, message: Message) => Promise<void>;
  /** A new file for a large body. Throws when none can be made. */
  readonly spool: () => BodyFile;
  /** How results are shown, and who hears of them. */
  readonly results?: ResultRoom;
  /** Failed authentications by address, of all sessions of late. */
  readonly authFailures?: AuthFailures;
  /** Clients whose handshakes failed of late, by address: they are not offered STARTTLS. */
  readonly brokenTls?: { has(ip: string): boolean | Promise<boolean>; add(ip: string): void };
  /** Octets that only this server and its workers know, the same after a restart. */
  readonly secret?: () => Bytes;
  /** Aborted when the server stops: the session says 421 at its next chance and ends. */
  readonly signal: AbortSignal;
}

/**
 * Holds the whole dialogue (`session.ts`). Resolves when it is over, whatever ended it; never rejects. Our direction is closed then; the
 * caller closes the connection.
 */
export type RunSession = (
  readable: SessionStreams["readable"],
  writable: SessionStreams["writable"],
  context: SessionContext,
) => Promise<void>;
