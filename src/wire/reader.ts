/**
 * The reader: one owner of a connection's incoming bytes, whatever mode the dialogue is in (command lines, DATA, BDAT, an upgrade).
 *
 * Promises that the way the octets arrived in pieces changes nothing, that a session never sees part of a line, and that nothing is
 * read from the stream which nobody asked for. Octets by calls, and those of a byte stream, are read into one buffer that is kept (each read of
 * a stream hands the buffer over and gets it back); any other stream is read chunk by chunk. A broken connection rejects with the stream's error; the peer leaving
 * properly is the value `end`.
 */
import type { Bytes } from "../base/bytes.ts";
import { EMPTY } from "../base/bytes.ts";
import { isOctets, type Octets } from "../base/octets.ts";
import { DotDecoder } from "./data.ts";
import { CR, LF, wordsOf } from "./scan.ts";
import type { DataEvent, DataOptions, DataReader, Line, WireReader } from "./wire_reader.ts";

export interface ReaderOptions {
  /** `allow` takes a lone LF for a line's end: for the replies of servers that know no better, never for commands. */
  readonly bareLf?: "refuse" | "allow";
}

/** Takes the stream's lock. Until {@linkcode WireReader.release} nobody else reads from it. */
export function createReader(from: Incoming, options: ReaderOptions = {}): WireReader {
  return new OctetReader(from, options.bareLf === "allow");
}

export type Incoming = ReadableStream<Bytes> | Octets;

/** Octets kept for command lines; an idle connection costs this much. */
const LINE_BUFFER = 2048;
/** Octets kept once message data flow. */
const DATA_BUFFER = 16384;
/** Buffers of readers that are done with them, for the next ones: new ones would have to be zeroed and collected. */
const spare: { readonly [size: number]: Bytes[] } = { [LINE_BUFFER]: [], [DATA_BUFFER]: [] };
const MOST_SPARE = 64;
const RELEASED = new Error("The reader has given up its stream");
/** The longest command line of RFC 5321 §4.5.3.1.4, until a caller names a limit. */
const DEFAULT_LIMIT = 512;

const END = { kind: "end" } as const;
const DONE = { kind: "done" } as const;

type Attempt<T> = () => T | undefined;

class OctetReader implements WireReader {
  readonly #octets: Octets | undefined;
  readonly #byob: ReadableStreamBYOBReader | undefined;
  readonly #plain: ReadableStreamDefaultReader<Bytes> | undefined;
  readonly #allowLf: boolean;
  /** The whole of its buffer, so that indices and words agree. Octets at hand: [start, end). */
  #buffer: Bytes = EMPTY;
  #words: Int32Array | undefined;
  #start = 0;
  #end = 0;
  #capacity = LINE_BUFFER;
  /** Whether `#buffer` is ours to write into: a chunk that was lent to us may share its memory with others. */
  #own = true;
  #ended = false;
  #failure: { readonly reason: unknown } | undefined;
  #pulling = false;
  /** What is waited for, and for whom. */
  #attempt: Attempt<unknown> | undefined;
  #resolve: (value: any) => void = () => {};
  #reject: (reason: unknown) => void = () => {};
  #watcher: ((seen: "octets" | "end") => void) | undefined;
  #limit = DEFAULT_LIMIT;
  /** Octets [start, searched) hold no LF: a line that comes in drips is not searched anew each time. */
  #searched = 0;

  constructor(from: Incoming, allowLf: boolean) {
    this.#allowLf = allowLf;
    if (isOctets(from)) {
      this.#octets = from;
      return;
    }
    this.#byob = byobReader(from);
    this.#plain = this.#byob === undefined ? from.getReader() : undefined;
  }

  get buffered(): number {
    return this.#end - this.#start;
  }

  hasLine(): boolean {
    return this.#failure === undefined && this.#end > this.#start &&
      (this.#findLf(this.#end) >= 0 || this.buffered >= this.#limit || this.#isTls());
  }

  takeLine(limit: number): Line | undefined {
    if (this.#failure !== undefined) throw this.#failure.reason;
    this.#limit = limit;
    const start = this.#start;
    if (start < this.#end) {
      if (this.#isTls()) return { kind: "tls-hello" };
      const lf = this.#findLf(Math.min(this.#end, start + limit));
      if (lf >= 0) {
        this.#start = this.#searched = lf + 1;
        return this.#judge(start, lf);
      }
      if (this.#end - start >= limit) return { kind: "too-long" };
    }
    return this.#ended ? END : undefined;
  }

  line(limit: number): Promise<Line> {
    try {
      const line = this.takeLine(limit);
      return line === undefined ? this.#wait(this.#tryLine) : Promise.resolve(line);
    } catch (reason) {
      return Promise.reject(reason);
    }
  }

  watch(): Promise<"octets" | "end"> {
    if (this.#failure !== undefined) return Promise.resolve("end");
    if (this.#end > this.#start) return Promise.resolve("octets");
    if (this.#ended) return Promise.resolve("end");
    return new Promise((resolve) => {
      this.#watcher = resolve;
      // With nothing at hand the pending read takes no octets out of sight.
      if (!this.#pulling) this.#pull();
    });
  }

  data(options: DataOptions): DataReader {
    this.#capacity = DATA_BUFFER;
    const decoder = new DotDecoder(options);
    const attempt: Attempt<DataEvent> = () => {
      // Also: a watch may have lent the buffer to the stream.
      if (this.#start === this.#end) return this.#ended ? END : undefined;
      this.#words ??= wordsOf(this.#buffer);
      const event = decoder.step(this.#buffer, this.#words, this.#start, this.#end);
      this.#start = this.#searched = decoder.at;
      return event ?? (this.#ended ? END : undefined);
    };
    return { next: () => this.#next(attempt) };
  }

  bytes(length: number): DataReader {
    this.#capacity = DATA_BUFFER;
    let left = length;
    const attempt: Attempt<DataEvent> = () => {
      if (left === 0) return DONE;
      const from = this.#start;
      const to = Math.min(this.#end, from + left);
      if (from === to) return this.#ended ? END : undefined;
      left -= to - from;
      this.#start = this.#searched = to;
      return { kind: "chunk", bytes: this.#buffer.subarray(from, to) };
    };
    return { next: () => this.#next(attempt) };
  }

  cancel(reason: unknown): void {
    this.#failure ??= { reason };
    if (this.#attempt !== undefined) {
      this.#attempt = undefined;
      this.#reject(this.#failure.reason);
    }
    this.#seen("end");
  }

  release(): Bytes {
    if (this.#pulling) throw new Error("Cannot release the stream: a read is pending");
    const rest = this.#buffer.slice(this.#start, this.#end);
    (this.#byob ?? this.#plain)?.releaseLock();
    this.retire();
    return rest;
  }

  retire(): void {
    this.#failure ??= { reason: RELEASED };
    if (this.#pulling) return;
    this.#spareBuffer();
    this.#buffer = EMPTY;
    this.#words = undefined;
    this.#start = this.#end = this.#searched = 0;
  }

  readonly #tryLine: Attempt<Line> = () => this.takeLine(this.#limit);

  #next(attempt: Attempt<DataEvent>): DataEvent | Promise<DataEvent> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure.reason);
    return attempt() ?? this.#wait(attempt);
  }

  /** RFC 8446 §5.1: a handshake record, legacy version 3.x. No command begins with a control character. */
  #isTls(): boolean {
    return this.#buffer[this.#start] === 0x16 && this.buffered > 1 && this.#buffer[this.#start + 1] === 3;
  }

  /** Index of the first LF before `to`, or -1. */
  #findLf(to: number): number {
    const buffer = this.#buffer;
    for (let i = this.#searched; i < to; i++) {
      if (buffer[i] === LF) {
        this.#searched = i;
        return i;
      }
    }
    if (to > this.#searched) this.#searched = to;
    return -1;
  }

  #judge(start: number, lf: number): Line {
    const buffer = this.#buffer;
    let end = lf - 1;
    if (lf === start || buffer[end] !== CR) {
      if (!this.#allowLf) return { kind: "bare-lf" };
      end = lf;
    }
    for (let i = start; i < end; i++) if (buffer[i] === CR) return { kind: "bare-cr" };
    return { kind: "line", bytes: buffer.subarray(start, end) };
  }

  #wait<T>(attempt: Attempt<T>): Promise<T> {
    if (this.#attempt !== undefined) return Promise.reject(new Error("Cannot read: another read is pending"));
    this.#attempt = attempt;
    const got = new Promise<T>(this.#hold);
    if (!this.#pulling) this.#pull();
    return got;
  }

  /** The executor of every wait: none is made for each. */
  readonly #hold = (resolve: (value: any) => void, reject: (reason: unknown) => void): void => {
    this.#resolve = resolve;
    this.#reject = reject;
  };

  #pull(): void {
    this.#pulling = true;
    if (this.#octets !== undefined) {
      this.#makeRoom(1);
      const room = this.#end === 0 ? this.#buffer : this.#buffer.subarray(this.#end);
      this.#octets.read(room).then(this.#onRead, this.#onFailure);
    } else if (this.#byob !== undefined) {
      this.#makeRoom(1);
      this.#byob.read(this.#buffer.subarray(this.#end)).then(this.#onFilled, this.#onFailure);
    } else {
      this.#plain!.read().then(this.#onChunk, this.#onFailure);
    }
  }

  /** Room for at least `length` octets behind those at hand, in a buffer that is ours. */
  #makeRoom(length: number): void {
    const held = this.#end - this.#start;
    let capacity = Math.max(this.#buffer.length, this.#capacity);
    while (capacity - held < length) capacity *= 2;
    if (!this.#own || capacity > this.#buffer.length) {
      const larger: Bytes = spare[capacity]?.pop() ?? new Uint8Array(capacity);
      if (held > 0) larger.set(this.#buffer.subarray(this.#start, this.#end));
      this.#spareBuffer();
      this.#buffer = larger;
      this.#words = undefined;
      this.#own = true;
    } else if (this.#start > 0 && held > 0) {
      this.#buffer.copyWithin(0, this.#start, this.#end);
    }
    this.#searched = Math.max(0, this.#searched - this.#start);
    this.#start = 0;
    this.#end = held;
  }

  /** Of octets by calls only: a stream may still have the buffer, or the memory be somebody's. */
  #spareBuffer(): void {
    const same = spare[this.#buffer.length];
    if (this.#own && this.#octets !== undefined && same !== undefined && same.length < MOST_SPARE) {
      same.push(this.#buffer);
    }
  }

  readonly #onRead = (octets: number | null): void => {
    if (octets !== null) this.#end += octets;
    this.#serve(octets === null);
  };

  readonly #onFilled = ({ value, done }: ReadableStreamReadResult<Uint8Array>): void => {
    if (value === undefined) {
      this.#buffer = EMPTY;
      this.#start = this.#end = this.#searched = 0;
    } else {
      this.#buffer = new Uint8Array(value.buffer as ArrayBuffer);
      this.#end = value.byteOffset + value.byteLength;
    }
    this.#words = undefined;
    this.#serve(done);
  };

  readonly #onChunk = ({ value, done }: ReadableStreamReadResult<Bytes>): void => {
    const length = value === undefined ? 0 : value.length;
    if (length > 0 && length >= this.#capacity && this.#start === this.#end) {
      this.#buffer = new Uint8Array(value!.buffer);
      this.#words = undefined;
      this.#own = false;
      this.#start = this.#searched = value!.byteOffset;
      this.#end = this.#start + length;
    } else if (length > 0) {
      this.#makeRoom(length);
      this.#buffer.set(value!, this.#end);
      this.#end += length;
    }
    this.#serve(done);
  };

  readonly #onFailure = (reason: unknown): void => {
    this.#pulling = false;
    this.cancel(reason);
  };

  #seen(what: "octets" | "end"): void {
    const watcher = this.#watcher;
    this.#watcher = undefined;
    watcher?.(what);
  }

  #serve(ended: boolean): void {
    this.#pulling = false;
    if (ended) this.#ended = true;
    if (this.#watcher !== undefined) this.#seen(this.#end > this.#start ? "octets" : "end");
    if (this.#attempt === undefined) return;
    const got = this.#attempt();
    if (got === undefined) return this.#pull();
    this.#attempt = undefined;
    this.#resolve(got);
  }
}

function byobReader(readable: ReadableStream<Bytes>): ReadableStreamBYOBReader | undefined {
  try {
    return readable.getReader({ mode: "byob" });
  } catch (error) {
    // A TypeError says "not a byte stream" or "locked"; the latter must come out.
    if (readable.locked) throw error;
    return undefined;
  }
}
