/**
 * What goes to the peer: replies gather and leave in one write.
 *
 * Owns the writable side. Promises that nothing is written behind `close()`, and that a peer who does not read blocks the flush, not
 * the memory. A flush rejects when the peer has gone.
 */
import { type Bytes, EMPTY, utf8Encode } from "../base/bytes.ts";
import type { SessionStreams } from "./context.ts";

export class Output {
  #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBufferLike>>;
  #pending = "";

  constructor(writable: SessionStreams["writable"]) {
    this.#writer = writable.getWriter();
    // Whoever flushes hears of a failure; nobody waits for this one.
    this.#writer.closed.catch(() => {});
  }

  get pending(): boolean {
    return this.#pending !== "";
  }

  add(text: string): void {
    this.#pending += text;
  }

  /** Resolves once the system has taken it all. */
  flush(): Promise<void> {
    const bytes = this.#take();
    return bytes.length === 0 ? Promise.resolve() : this.#writer.write(bytes);
  }

  /** Lets go of the stream for an upgrade; the replies not yet written are the caller's. */
  release(): Bytes {
    const bytes = this.#take();
    this.#writer.releaseLock();
    return bytes;
  }

  /** Takes over the stream an upgrade has made. */
  replace(writable: SessionStreams["writable"]): void {
    this.#writer = writable.getWriter();
    this.#writer.closed.catch(() => {});
  }

  /** Makes a blocked flush reject. */
  abort(reason: unknown): void {
    this.#writer.abort(reason).catch(() => {});
  }

  /** Ends our direction. Never rejects. */
  async close(): Promise<void> {
    try {
      await this.#writer.close();
    } catch {
      // The peer has gone, or the stream was aborted: closed is closed.
    }
  }

  #take(): Bytes {
    if (this.#pending === "") return EMPTY;
    const bytes = utf8Encode(this.#pending);
    this.#pending = "";
    return bytes;
  }
}
