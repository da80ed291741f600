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
  /**
   * Nothing more is written, and whoever waits for a write hears of it at once. A write under way may go on: whoever closes the connection ends
   * it.
   */
  abort(reason: unknown): Promise<void>;
  /** Gives the stream up. */
  releaseLock(): void;
}

export function createWriter(to: Outgoing): Writer {
  return isOctets(to) ? new OctetWriter(to) : new StreamWriter(to.getWriter());
}

type Reject = (reason: unknown) => void;
interface Waiting {
  readonly bytes: Uint8Array;
  readonly resolve: () => void;
  readonly reject: Reject;
}

class StreamWriter implements Writer {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBufferLike>>;
  readonly #waiting = new Set<Reject>();

  constructor(writer: WritableStreamDefaultWriter<Uint8Array<ArrayBufferLike>>) {
    this.#writer = writer;
    // Whoever writes hears of a failure; nobody waits for this one.
    writer.closed.catch(() => {});
  }

  write(bytes: Uint8Array): Promise<void> {
    // A stream's own abort waits for the write that is under way, and that one may wait for ever.
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject);
      this.#writer.write(bytes).then(resolve, reject).then(() => this.#waiting.delete(reject));
    });
  }

  close(): Promise<void> {
    return this.#writer.close();
  }

  abort(reason: unknown): Promise<void> {
    for (const reject of this.#waiting) reject(reason);
    return this.#writer.abort(reason);
  }

  releaseLock(): void {
    this.#writer.releaseLock();
  }
}

/** One promise for a write that nobody stands before, and no function made for it: replies are small and many. */
class OctetWriter implements Writer {
  readonly #to: Octets;
  /** The write under way. */
  #bytes: Uint8Array | undefined;
  #done = 0;
  #resolve: () => void = () => {};
  #reject: Reject = () => {};
  /** Behind the write under way; made when there is one for the first time. */
  #waiting: Waiting[] | undefined;
  #failure: { readonly reason: unknown } | undefined;

  constructor(to: Octets) {
    this.#to = to;
  }

  write(bytes: Uint8Array): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure.reason);
    if (this.#bytes !== undefined) {
      return new Promise((resolve, reject) => (this.#waiting ??= []).push({ bytes, resolve, reject }));
    }
    const written = new Promise<void>(this.#hold);
    this.#begin(bytes);
    return written;
  }

  close(): Promise<void> {
    return this.#to.closeWrite();
  }

  abort(reason: unknown): Promise<void> {
    this.#fail(reason);
    return Promise.resolve();
  }

  releaseLock(): void {}

  readonly #hold = (resolve: () => void, reject: Reject): void => {
    this.#resolve = resolve;
    this.#reject = reject;
  };

  #begin(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#done = 0;
    this.#go(bytes);
  }

  #go(rest: Uint8Array): void {
    if (rest.length === 0) return this.#taken(0);
    this.#to.write(rest).then(this.#taken, this.#fail);
  }

  readonly #taken = (octets: number): void => {
    if (this.#failure !== undefined) return;
    this.#done += octets;
    if (this.#done < this.#bytes!.length) return this.#go(this.#bytes!.subarray(this.#done));
    this.#bytes = undefined;
    this.#resolve();
    const next = this.#waiting?.shift();
    if (next === undefined) return;
    this.#hold(next.resolve, next.reject);
    this.#begin(next.bytes);
  };

  readonly #fail = (reason: unknown): void => {
    if (this.#failure !== undefined) return;
    this.#failure = { reason };
    if (this.#bytes === undefined) return;
    this.#reject(reason);
    for (const { reject } of this.#waiting?.splice(0) ?? []) reject(reason);
  };
}
