/** The contract of the reader (`reader.ts` makes one): what session and delivery ask of a connection's incoming bytes, and what they are told. */
import type { Bytes } from "../base/bytes.ts";

/** What a line came to. A view is valid until the next call on the reader. */
export type Line =
  | { readonly kind: "line"; /** Without its CRLF. */ readonly bytes: Bytes }
  /** More than the limit of octets, CRLF included. Nothing was consumed: whoever gets this hangs up. */
  | { readonly kind: "too-long" }
  /** A CR without LF or an LF without CR stood in it (RFC 5321 §2.3.8). The line was consumed up to its LF. */
  | { readonly kind: "bare-cr" | "bare-lf" }
  /** Not a line at all but the beginning of a TLS handshake. Nothing was consumed: hang up. */
  | { readonly kind: "tls-hello" }
  /** The peer has ended its direction; unfinished bytes are dropped. */
  | { readonly kind: "end" };

/** What DATA brings, dot-decoded (RFC 5321 §4.5.2). */
export type DataEvent =
  | { readonly kind: "chunk"; readonly bytes: Bytes }
  /** `CRLF . CRLF` was read: the message is whole. */
  | { readonly kind: "done" }
  /** The message is spoilt: read on (chunks are no longer given) until `done`, then refuse; or hang up. */
  | { readonly kind: "fault"; readonly fault: "bare-cr" | "bare-lf" | "too-big" | "smuggling" }
  /** The peer left before the end. */
  | { readonly kind: "end" };

export interface DataReader {
  /** The next event; synchronous while bytes are at hand, so that a small message costs one promise. A chunk is valid until the next call. */
  next(): DataEvent | Promise<DataEvent>;
}

export interface DataOptions {
  /** Octets after decoding; beyond it the message is spoilt (`too-big`) but still read to its end. */
  readonly limit: number;
  /** `allow`: an LF without CR may stand inside the message; it never ends one. A bare CR never may. */
  readonly bareLf: "refuse" | "allow";
}

export interface WireReader {
  /** Whether a whole line (or a verdict on one) is at hand, so that replies may gather. */
  hasLine(): boolean;
  /** Octets at hand and not yet taken. */
  readonly buffered: number;
  /** The next line if it is at hand, else undefined; never waits. `limit`: octets, CRLF included. */
  takeLine(limit: number): Line | undefined;
  /** The next line. */
  line(limit: number): Promise<Line>;
  /**
   * Waits without taking anything: `octets` when some are at hand, `end` when the peer has gone. A read may begin meanwhile. For whoever
   * is busy elsewhere and wants to know of early talk or a client that left.
   */
  watch(): Promise<"octets" | "end">;
  /** Starts reading a message. Commands behind its end stay in the reader. */
  data(options: DataOptions): DataReader;
  /** Exactly `length` octets as they are, in chunks (BDAT); `end` when the peer leaves first. */
  bytes(length: number): DataReader;
  /** Makes the pending read and all later ones reject with `reason` (`takeLine` throws it). The stream itself is left alone. */
  cancel(reason: unknown): void;
  /** Gives the stream up for an upgrade; returns the octets that were read ahead. Throws while a read is pending. */
  release(): Bytes;
  /** Lets go of the buffer only: for a connection about to be closed, where giving the stream up would cost more than the rest. */
  retire(): void;
}
