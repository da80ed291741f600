/**
 * A message: octets that never change, and edits on top of them: of its header, and patches of its body.
 *
 * The bytes are in canonical form: CRLF line ends, not dot-stuffed. Bytes nobody edited leave as they came in (architecture §3.8).
 * {@linkcode createMessage} wraps a source whose start is in memory, {@linkcode loadMessage} reads that start first.
 */
import { type Bytes, concat, EMPTY } from "../base/bytes.ts";
import type { Header } from "./header.ts";
import { findHeaderEnd, HeaderBlock, type HeaderEnd } from "./header_block.ts";
import { chain } from "./source.ts";
import { type Patch, spliceSource } from "./splice.ts";

/** Where a message's bytes lie. `open()` may be called as often as one likes. */
export interface Source {
  readonly size: number;
  /** All of it, when it is in memory. */
  readonly bytes?: Bytes | undefined;
  /** The bytes from offset `from` on. Cancel the stream if it is not read to its end. */
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
  /** As it came in. */
  readonly source: Source;
  /** Puts octets in the place of others, in the body; offsets are those of `source`. A RangeError for what lies elsewhere, or twice. */
  patchBody(patches: readonly Patch[]): void;
  /** Head and rest as they stand now. Cheap when only leading fields were added. */
  render(): Rendered;
  /** The whole message as it stands now, each time anew. */
  open(): ReadableStream<Bytes>;
  /** What stands behind the header and its empty line. */
  openBody(): ReadableStream<Bytes>;
  /** The whole message, when its source is in memory and it has at most `limit` octets; else undefined. */
  bytes(limit?: number): Bytes | undefined;
}

export interface MessageOptions {
  /** The first octets of the source, when it is not in memory itself; the header is looked for in these. */
  readonly start?: Bytes;
}

/** A header longer than this is read only so far; fields behind it are passed on but not seen. */
export const LONGEST_HEADER = 1024 * 1024;

/** A message over `source`. Throws a TypeError when neither the source nor `options.start` has its start in memory. */
export function createMessage(source: Source, options: MessageOptions = {}): Message {
  const start = source.bytes ?? options.start;
  if (start === undefined && source.size > 0) {
    throw new TypeError(
      "Cannot make a message: its source is not in memory and no start of it was given; wanted loadMessage()",
    );
  }
  return new SourceMessage(source, start ?? EMPTY);
}

/** The same, with the source's start read up to the end of its header, at most {@linkcode LONGEST_HEADER} octets. */
export async function loadMessage(source: Source): Promise<Message> {
  return source.bytes === undefined ? createMessage(source, { start: await readStart(source) }) : createMessage(source);
}

/** The start of a source up to the end of its header, and what was read with it; at most {@linkcode LONGEST_HEADER} octets and a chunk. */
export async function readStart(source: Source): Promise<Bytes> {
  const reader = source.open().getReader();
  const parts: Bytes[] = [];
  let length = 0;
  let lookFrom = 0;
  try {
    while (length < LONGEST_HEADER) {
      const { done, value } = await reader.read();
      if (done) break;
      parts.push(value);
      length += value.length;
      const start = parts.length === 1 ? value : concat(parts);
      parts.splice(0, parts.length, start);
      const end = findHeaderEnd(start.subarray(lookFrom), false);
      if (end.separator === "found") break;
      lookFrom += end.body;
    }
  } finally {
    await reader.cancel();
  }
  return parts[0] ?? EMPTY;
}

class SourceMessage implements Message {
  readonly source: Source;
  readonly header: HeaderBlock;
  readonly #start: Bytes;
  #end: HeaderEnd | undefined;
  #patches: readonly Patch[] = [];
  /** Everything behind the header, patched. */
  #body: Source | undefined;
  /** As it came, with fields in front: kept as long as these are the same, for it is stored and then delivered. */
  #rendered: Rendered | undefined;
  #renderedAt = 0;

  constructor(source: Source, start: Bytes) {
    this.source = source;
    this.#start = start;
    this.header = new HeaderBlock(() => start.subarray(0, this.#headerEnd().fields));
  }

  get size(): number {
    if (this.#asItCame()) return this.header.leadingSize + this.source.size;
    const { body } = this.#headerEnd();
    let head = this.header.leadingSize + this.#separator().length;
    for (const piece of this.header.rest()) head += piece.length;
    return head + (this.#body?.size ?? this.source.size - body);
  }

  patchBody(patches: readonly Patch[]): void {
    if (patches.length === 0) return;
    const all = [...this.#patches, ...patches];
    this.#body = spliceSource(this.source, all, this.#headerEnd().body);
    this.#patches = all;
  }

  render(): Rendered {
    const { header, source } = this;
    if (this.#asItCame()) {
      if (this.#rendered === undefined || this.#renderedAt !== header.edits) {
        this.#rendered = { head: concat(header.leading()), source, offset: 0 };
        this.#renderedAt = header.edits;
      }
      return this.#rendered;
    }
    const head = concat([...header.leading(), ...header.rest(), this.#separator()]);
    if (this.#body !== undefined) return { head, source: this.#body, offset: 0 };
    return { head, source, offset: this.#headerEnd().body };
  }

  open(): ReadableStream<Bytes> {
    const { head, source, offset } = this.render();
    return head.length === 0 ? source.open(offset) : chain(head, () => source.open(offset));
  }

  openBody(): ReadableStream<Bytes> {
    return this.#body === undefined ? this.source.open(this.#headerEnd().body) : this.#body.open();
  }

  bytes(limit: number = Infinity): Bytes | undefined {
    if (this.source.bytes === undefined || this.size > limit) return undefined;
    const { head, source, offset } = this.render();
    const whole = source.bytes!;
    return head.length === 0 && offset === 0 ? whole : concat([head, whole.subarray(offset)]);
  }

  /** Nothing of the incoming octets has to be written anew: nothing edited, or fields added in front of a header that is one. */
  #asItCame(): boolean {
    if (this.header.restEdited || this.#body !== undefined) return false;
    if (this.header.leadingSize === 0) return true;
    const { separator, body } = this.#headerEnd();
    // A body without a header of its own would be taken for fields once it stands behind ours.
    return separator !== "missing" || body === this.source.size;
  }

  /** The empty line between header and body; `beyond` keeps the one that comes later in the source. */
  #separator(): Bytes {
    return this.#headerEnd().separator === "beyond" ? EMPTY : CRLF;
  }

  #headerEnd(): HeaderEnd {
    return this.#end ??= findHeaderEnd(this.#start, this.#start.length === this.source.size);
  }
}

const CRLF: Bytes = Uint8Array.of(13, 10);
