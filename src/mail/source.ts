/**
 * Where a message's octets come from: memory, or a head in front of another source.
 *
 * Every stream handed out is its own; reading one twice or not at all harms nothing. The octets are shared: nobody writes into them.
 */
import { type Bytes, concat } from "../base/bytes.ts";
import type { Source } from "./message.ts";

/** Large enough to cost little per octet, small enough to keep a slow reader's memory low. */
const CHUNK = 64 * 1024;

export function memorySource(bytes: Bytes): Source {
  return { size: bytes.length, bytes, open: (from = 0) => streamOf(bytes, from) };
}

/** `head`, then `rest` from `offset` on, as one source. */
export function joinSource(head: Bytes, rest: Source, offset = 0): Source {
  if (head.length === 0 && offset === 0) return rest;
  return new JoinedSource(head, rest, offset);
}

class JoinedSource implements Source {
  readonly size: number;
  readonly #head: Bytes;
  readonly #rest: Source;
  readonly #offset: number;
  #bytes: Bytes | undefined;

  constructor(head: Bytes, rest: Source, offset: number) {
    this.#head = head;
    this.#rest = rest;
    this.#offset = offset;
    this.size = head.length + rest.size - offset;
  }

  get bytes(): Bytes {
    // The contract says "absent" for a source that is not in memory; exactOptionalPropertyTypes wants it typed as present.
    if (this.#bytes === undefined && this.#rest.bytes !== undefined) {
      this.#bytes = concat([this.#head, this.#rest.bytes.subarray(this.#offset)]);
    }
    return this.#bytes as Bytes;
  }

  open(from = 0): ReadableStream<Bytes> {
    const beyond = from - this.#head.length;
    if (beyond >= 0) return this.#rest.open(this.#offset + beyond);
    return chain(from === 0 ? this.#head : this.#head.subarray(from), () => this.#rest.open(this.#offset));
  }
}

/** Not a byte stream: those take the buffer away from whoever else reads it. */
function streamOf(bytes: Bytes, from: number): ReadableStream<Bytes> {
  let at = from;
  return new ReadableStream<Bytes>({
    pull(controller) {
      if (at < bytes.length) controller.enqueue(bytes.subarray(at, at += CHUNK));
      if (at >= bytes.length) controller.close();
    },
  }, { highWaterMark: 0 });
}

/** `head`, then what the stream opened after it gives. */
export function chain(head: Bytes, next: () => ReadableStream<Bytes>): ReadableStream<Bytes> {
  let reader: ReadableStreamDefaultReader<Bytes> | undefined;
  return new ReadableStream<Bytes>({
    start(controller) {
      if (head.length > 0) controller.enqueue(head);
    },
    async pull(controller) {
      reader ??= next().getReader();
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel(reason) {
      return reader?.cancel(reason);
    },
  }, { highWaterMark: 0 });
}
