/**
 * The writer: octets go out whole and in order, over a stream or by calls.
 *
 * A write that fails fails all that wait behind it. As a stream's own writer it may be given several writes at once.
 */
import { isOctets, type Octets } from "../base/octets.ts";

export type Outgoing = WritableStream<Uint8Array<ArrayBufferLike>> | Octets;

export interface Writer {
  /** Resolves once the system has taken them all. */
  write(bytes: Uint8Array): Promise<void>;
  /** Ends our direction. */
  close(): Promise<void>;
  /** Nothing more is written. A write under way may go on: whoever closes the connection ends it. */
  abort(reason: unknown): Promise<void>;
  /** Gives the stream up. */
  releaseLock(): void;
}

export function createWriter(to: Outgoing): Writer {
  if (isOctets(to)) return new OctetWriter(to);
  const writer = to.getWriter();
  // Whoever writes hears of a failure; nobody waits for this one.
  writer.closed.catch(() => {});
  return writer;
}

interface Waiting {
  readonly bytes: Uint8Array;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

class OctetWriter implements Writer {
  readonly #to: Octets;
  #busy = false;
  /** Behind the write under way; made when there is one for the first time. */
  #waiting: Waiting[] | undefined;
  #failure: { readonly reason: unknown } | undefined;

  constructor(to: Octets) {
    this.#to = to;
  }

  write(bytes: Uint8Array): Promise<void> {
    if (!this.#busy) return this.#all(bytes);
    return new Promise((resolve, reject) => (this.#waiting ??= []).push({ bytes, resolve, reject }));
  }

  close(): Promise<void> {
    return this.#to.closeWrite();
  }

  abort(reason: unknown): Promise<void> {
    this.#failure ??= { reason };
    return Promise.resolve();
  }

  releaseLock(): void {}

  async #all(bytes: Uint8Array): Promise<void> {
    this.#busy = true;
    try {
      for (let done = 0; done < bytes.length;) {
        if (this.#failure !== undefined) throw this.#failure.reason;
        done += await this.#to.write(done === 0 ? bytes : bytes.subarray(done));
      }
    } catch (reason) {
      this.#failure ??= { reason };
      throw reason;
    } finally {
      this.#busy = false;
      const next = this.#waiting?.shift();
      if (next !== undefined) this.#all(next.bytes).then(next.resolve, next.reject);
    }
  }
}
