/**
 * Hands out the attachments of a message while it arrives, each as a stream of its decoded octets.
 *
 * Who reads slowly holds up whoever feeds: {@linkcode AttachmentFeed.add} waits once a stream has {@linkcode ROOM} octets that nobody has
 * read, so memory stays bounded. Who does not care holds up nobody: a stream that is neither held (locked) nor being waited for when the
 * function is done is let go. Who neither reads nor lets go in time gets an error on the stream, and `finish` rejects with it. An attached
 * message is looked into, unless it says that it is an attachment: then it is handed out itself.
 */
import { type Bytes, EMPTY } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { deadline } from "../base/deadline.ts";
import type { Header } from "./header.ts";
import { MimeScanner, type PartHandler, type PartHead } from "./mime_scanner.ts";
import type { MediaType } from "./mime.ts";
import { transferDecoder } from "./transfer.ts";

export interface Attachment {
  /** RFC 2231 and RFC 2047 decoded; undefined when it has none. Not to be trusted as a path. */
  readonly filename: string | undefined;
  /** `application/pdf`, lower case. */
  readonly type: string;
  readonly media: MediaType;
  readonly header: Header;
  /** Its octets, the transfer encoding taken off. */
  readonly stream: ReadableStream<Bytes>;
}
export type AttachmentTaker = (attachment: Attachment) => void | Promise<void>;

export interface FeedOptions {
  readonly clock: Clock;
  /** Milliseconds that a reader may make us wait; 0 for as long as it likes. */
  readonly timeoutMs: number;
  /** The client has gone, or the server stops. */
  readonly signal?: AbortSignal | undefined;
}

/** Octets of a stream that wait for its reader. */
export const ROOM = 64 * 1024;
const FOREVER_MS = 2 ** 31 - 1;

export class AttachmentFeed implements PartHandler {
  readonly #scanner: MimeScanner = new MimeScanner(this, { into: ({ isAttachment }) => !isAttachment });
  readonly #takers: readonly AttachmentTaker[];
  readonly #options: FeedOptions;
  /** Of the attachment under way. */
  #decoder = transferDecoder("");
  #outlets: Outlet[] = [];
  /** Functions that are not done yet. */
  readonly #running = new Set<Promise<void>>();
  #fault: { readonly error: unknown } | undefined;

  constructor(takers: readonly AttachmentTaker[], options: FeedOptions) {
    this.#takers = takers;
    this.#options = options;
  }

  /** The octets are only looked at during the call. A promise only when a reader has to be waited for; rejects when `signal` is aborted. */
  add(octets: Bytes): void | Promise<void> {
    this.#scanner.add(octets);
    if (this.#outlets.some((outlet) => outlet.isFull)) return this.#makeRoom();
  }

  /** The message is whole. Resolves once every function is done; rejects with the first fault of one, or when they take too long. */
  async finish(): Promise<void> {
    this.#scanner.finish();
    if (this.#running.size > 0) await this.#inTime(Promise.all(this.#running), "Handling the attachments");
    if (this.#fault !== undefined) throw this.#fault.error;
  }

  /** There will be no more: readers get `reason` as an error. */
  abort(reason: unknown): void {
    for (const outlet of this.#outlets) outlet.fail(reason);
    this.#outlets = [];
  }

  begin(part: PartHead): void {
    if (!part.isAttachment || part.hasParts) return;
    this.#decoder = transferDecoder(part.encoding);
    for (const take of this.#takers) {
      const outlet = new Outlet();
      this.#outlets.push(outlet);
      this.#hand(take, part, outlet);
    }
  }

  body(part: PartHead, octets: Bytes): void {
    if (this.#outlets.length === 0 || !part.isAttachment) return;
    // Copied once for all: where nothing is encoded the octets are a view of what is not ours.
    const decoded = this.#decoder.push(octets);
    const own = decoded.buffer === octets.buffer ? decoded.slice() : decoded;
    if (own.length > 0) { for (const outlet of this.#outlets) outlet.give(own); }
  }

  end(part: PartHead): void {
    if (!part.isAttachment || part.hasParts) return;
    const rest = this.#outlets.length === 0 ? EMPTY : this.#decoder.end();
    for (const outlet of this.#outlets) {
      if (rest.length > 0) outlet.give(rest);
      outlet.close();
    }
    this.#outlets = [];
  }

  #hand(take: AttachmentTaker, { filename, media, header }: PartHead, outlet: Outlet): void {
    const release = () => {
      if (!outlet.stream.locked) outlet.letGo();
    };
    let taken: void | Promise<void> = undefined;
    try {
      taken = take({ filename, type: media.type, media, header, stream: outlet.stream });
    } catch (error) {
      this.#fault ??= { error };
    }
    if (!(taken instanceof Promise)) return release();
    const running = taken.catch((error: unknown) => {
      this.#fault ??= { error };
    }).then(() => {
      release();
      this.#running.delete(running);
    });
    this.#running.add(running);
  }

  async #makeRoom(): Promise<void> {
    for (const outlet of this.#outlets) {
      if (!outlet.isFull) continue;
      try {
        await this.#inTime(outlet.room(), "Reading an attachment");
      } catch (error) {
        if (this.#options.signal?.aborted) {
          this.abort(error);
          throw error;
        }
        this.#fault ??= { error };
        outlet.fail(error);
      }
    }
  }

  async #inTime(work: Promise<unknown>, what: string): Promise<void> {
    const { clock, timeoutMs, signal } = this.#options;
    const limit = deadline(clock, timeoutMs > 0 ? timeoutMs : FOREVER_MS, what, signal);
    try {
      await Promise.race([
        work,
        new Promise<never>((_, reject) => {
          if (limit.signal.aborted) reject(limit.signal.reason);
          limit.signal.addEventListener("abort", () => reject(limit.signal.reason), { once: true });
        }),
      ]);
    } finally {
      limit.end();
    }
  }
}

/** One stream, and how far its reader is behind. */
class Outlet {
  readonly stream: ReadableStream<Bytes>;
  #controller!: ReadableStreamDefaultController<Bytes>;
  #open = true;
  #onRoom: (() => void) | undefined;

  constructor() {
    this.stream = new ReadableStream<Bytes>({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => this.#wake(),
      cancel: () => {
        this.#open = false;
        this.#wake();
      },
    }, new ByteLengthQueuingStrategy({ highWaterMark: ROOM }));
  }

  get isFull(): boolean {
    return this.#open && (this.#controller.desiredSize ?? 0) <= 0;
  }

  room(): Promise<void> {
    return new Promise((resolve) => {
      this.#onRoom = resolve;
      if (!this.isFull) this.#wake();
    });
  }

  give(octets: Bytes): void {
    if (this.#open) this.#controller.enqueue(octets);
  }

  close(): void {
    if (this.#open) this.#controller.close();
    this.#open = false;
  }

  fail(reason: unknown): void {
    if (this.#open) this.#controller.error(reason);
    this.#open = false;
    this.#wake();
  }

  /** What is queued may still be read; nothing more comes. */
  letGo(): void {
    this.close();
    this.#wake();
  }

  #wake(): void {
    this.#onRoom?.();
    this.#onRoom = undefined;
  }
}
