/** The header of a message: fields in order, raw where nobody touched them. */
import type { Bytes } from "../base/bytes.ts";

export interface HeaderField {
  /** As written. */
  readonly name: string;
  /** The unfolded-or-not raw text behind the colon, without the final CRLF; non-ASCII octets read as UTF-8, else Latin-1. */
  readonly value: string;
}

export interface Header {
  readonly fields: readonly HeaderField[];
  /** All values of a field, trimmed and unfolded; names compare without case. */
  getAll(name: string): readonly string[];
  /** The first value, trimmed and unfolded; undefined when there is none. */
  get(name: string): string | undefined;
  /** RFC 2047 and RFC 2231 decoded, unfolded. */
  getDecoded(name: string): string | undefined;
  has(name: string): boolean;
  /** Adds a field at the end of the header. Line breaks in the value are folded, so nothing can be injected. */
  add(name: string, value: string): void;
  /** Adds a field in front of all others. */
  addLeading(name: string, value: string): void;
  remove(name: string): void;
  /** All of it as it would be written now, without the empty line behind it. */
  toBytes(): Bytes;
}
