/**
 * A message: an immutable body as it came in, and edits of its header on top.
 *
 * The bytes are in canonical form: CRLF line ends, not dot-stuffed. Bytes nobody edited leave as they came in (architecture §3.8).
 */
import type { Bytes } from "../base/bytes.ts";
import type { Header } from "./header.ts";

/** Where a message's bytes lie. `open()` may be called as often as one likes. */
export interface Source {
  readonly size: number;
  /** All of it, when it is in memory. */
  readonly bytes?: Bytes;
  /** The bytes from offset `from` on. */
  open(from?: number): ReadableStream<Bytes>;
}

/** What goes out: `head`, then `source` from `offset` on. This is what the queue stores. */
export interface Rendered {
  readonly head: Bytes;
  readonly source: Source;
  readonly offset: number;
}

export interface Message {
  /** Octets, edits included. */
  readonly size: number;
  /** Parsed on first use; edit it by `add`, `addLeading`, `remove`. */
  readonly header: Header;
  readonly source: Source;
  /** Head and rest as they stand now. Cheap when only leading fields were added. */
  render(): Rendered;
  /** The whole message as it stands now, each time anew. */
  open(): ReadableStream<Bytes>;
  /** The whole message, when its source is in memory and it has at most `limit` octets; else undefined. */
  bytes(limit?: number): Bytes | undefined;
}
