/**
 * What goes to the peer: replies gather and leave in one write.
 *
 * Owns the writable side. Promises that nothing is written behind `close()`, and that a peer who does not read blocks the flush, not
 * the memory. A flush rejects when the peer has gone.
 */
import { type Bytes, EMPTY, shortLived } from "../base/bytes.ts";
import { createWriter, type Writer } from "../wire/writer.ts";
import type { SessionStreams } from "./context.ts";

export class Output {
  #writer: Writer;
  #pending = "";
  #given: { readonly reason: unknown } | undefined;

  constructor(writable: SessionStreams["writable"]) {
    this.#writer = createWriter(writable);
  }

  get pending(): boolean {
    return this.#pending !== "";
  }

  add(text: string): void {
    this.#pending += text;
  }

  /** Resolves once the system has taken it all; rejects with the reason when it is given up by {@linkcode abort}. */
  flush(): Promise<void> {
    if (this.#given !== undefined) return Promise.reject(this.#given.reason);
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
    this.#writer = createWriter(writable);
  }

  /** Makes a flush under way reject, and all later ones. */
  abort(reason: unknown): void {
    this.#given ??= { reason };
    this.#writer.abort(reason).catch(() => {});
  }

  /** Ends our direction. Never rejects; closing twice does nothing. */
  async close(): Promise<void> {
    if (this.#given !== undefined) return;
    this.#given = { reason: new Error("The output is closed") };
    try {
      await this.#writer.close();
    } catch {
      // The peer has gone: closed is closed.
    }
  }

  #take(): Bytes {
    if (this.#pending === "") return EMPTY;
    const bytes = shortLived(this.#pending);
    this.#pending = "";
    return bytes;
  }
}
