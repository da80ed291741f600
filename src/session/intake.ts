/**
 * Takes a message in: a small one is gathered in memory, a large one streams to a file while it arrives.
 *
 * Memory stays below the threshold and one block, however the octets come cut. Reads off what checks need to know of the header
 * without keeping it. A disk that fails rejects `add` or `finish`; `discard` may be called at any time.
 */
import { type Bytes, EMPTY, latin1Decode } from "../base/bytes.ts";
import { PartCounter } from "../mail/part_counter.ts";
import { memorySource } from "../mail/source.ts";
import type { Source } from "../mail/message.ts";
import type { BodyFile } from "./context.ts";
import type { LongLines } from "./long_lines.ts";

/** What is written to the file at once. */
const BLOCK = 64 * 1024;

export interface Taken {
  readonly source: Source;
  readonly head: HeadFacts;
  /** The start of a message that is not in memory, its whole header; undefined when the header is longer than a block. */
  readonly start: Bytes | undefined;
}

/** Who else looks at the octets while they come. */
export interface BodyWatch {
  /** False: nobody wants them afterwards, and only the header is kept. */
  readonly keeps: boolean;
  /** The chunk may be used until the call returns. A promise holds up the client. */
  add(chunk: Bytes): void | Promise<void>;
  /** The message will not come to its end. */
  abort(reason: unknown): void;
}

export class Intake {
  /** To be set before the first octet. */
  watch: BodyWatch | undefined;
  lines: LongLines | undefined;
  /** Octets taken so far, CRLFs included, stuffing not. */
  octets = 0;
  readonly #spoolAfter: number;
  readonly #spool: () => BodyFile;
  #block: Bytes = EMPTY;
  #used = 0;
  #file: BodyFile | undefined;
  #head: HeadFacts | undefined;
  #start: Bytes | undefined;
  readonly #mostParts: number;
  #counter: PartCounter | undefined;

  /** `mostParts`: 0 for no limit. */
  constructor(spoolAfter: number, spool: () => BodyFile, mostParts = 0) {
    this.#spoolAfter = spoolAfter;
    this.#spool = spool;
    this.#mostParts = mostParts;
  }

  /** Whether it has more MIME parts than it may; known for sure once it is finished. Nothing is kept of it from then on. */
  get hasTooManyParts(): boolean {
    return this.#counter !== undefined && this.#counter.parts > this.#mostParts;
  }

  /** Takes a copy. A promise only when the file has to be waited for. */
  add(chunk: Uint8Array): void | Promise<void> {
    this.octets += chunk.length;
    if (this.#counter !== undefined && this.hasTooManyParts) return;
    const octets = this.lines === undefined ? chunk : this.lines.push(chunk as Bytes);
    if (this.watch !== undefined) return this.#show(this.watch, octets as Bytes);
    if (this.#file === undefined && this.#used + octets.length <= this.#spoolAfter) return this.#keep(octets);
    return this.#write(octets);
  }

  /** The slow way, for messages that somebody looks into. */
  async #show(watch: BodyWatch, octets: Bytes): Promise<void> {
    const held = watch.add(octets);
    // Should the disk fail first, that is what the client hears of.
    held?.catch(() => {});
    if (!watch.keeps) this.#keepHead(octets);
    else if (this.#file === undefined && this.#used + octets.length <= this.#spoolAfter) this.#keep(octets);
    else await this.#write(octets);
    await held;
  }

  /** A block, for its header; the rest is only counted. */
  #keepHead(octets: Bytes): void {
    if (this.#head !== undefined) return this.#countParts(octets);
    this.#keep(octets);
    if (this.#used < BLOCK) return;
    const block = this.#block.subarray(0, this.#used);
    this.#head = readHead(block);
    this.#countParts(block);
  }

  /** A promise only where the disk has to be waited for. */
  finish(): Taken | Promise<Taken> {
    const block = this.#used === this.#block.length ? this.#block : this.#block.slice(0, this.#used);
    const counted = this.watch?.keeps === false && this.#head !== undefined;
    this.#head ??= readHead(block);
    if (!counted) this.#countParts(block);
    if (this.watch?.keeps === false) {
      return { source: memorySource(block.subarray(0, this.#head.end)), head: this.#head, start: undefined };
    }
    if (this.hasTooManyParts) return { source: memorySource(EMPTY), head: this.#head, start: undefined };
    if (this.#file === undefined) return { source: memorySource(block), head: this.#head, start: undefined };
    return this.#finishFile(this.#file, block, this.#head);
  }

  async #finishFile(file: BodyFile, block: Bytes, head: HeadFacts): Promise<Taken> {
    this.#keepStart(block);
    if (this.#used > 0) await file.write(block);
    return { source: await file.finish(), head, start: this.#start };
  }

  /** Only where the header promises parts, or does not end where we can see it. */
  #countParts(block: Bytes): void {
    if (this.#mostParts === 0 || this.#head === undefined) return;
    if (this.#head.hasParts || this.#head.end === undefined) (this.#counter ??= new PartCounter()).add(block);
  }

  #keepStart(block: Bytes): void {
    if (this.#head !== undefined && this.#start !== undefined) return;
    this.#head ??= readHead(block);
    if (this.#head.end !== undefined) this.#start = block.slice(0, this.#head.end);
  }

  discard(): void {
    this.watch?.abort(new Error("The message did not come to its end"));
    this.#block = EMPTY;
    this.#used = 0;
    this.#file?.discard();
  }

  /** Most messages come as one chunk, and then this is the only copy. */
  #keep(chunk: Uint8Array): void {
    const length = this.#used + chunk.length;
    if (this.#block.length === 0) {
      this.#block = new Uint8Array(chunk);
    } else {
      if (length > this.#block.length) {
        const larger = new Uint8Array(Math.max(length, 2 * this.#block.length));
        larger.set(this.#block.subarray(0, this.#used));
        this.#block = larger;
      }
      this.#block.set(chunk, this.#used);
    }
    this.#used = length;
  }

  async #write(chunk: Uint8Array): Promise<void> {
    if (this.#file === undefined) {
      this.#file = this.#spool();
      const block: Bytes = new Uint8Array(Math.max(BLOCK, this.#used));
      block.set(this.#block.subarray(0, this.#used));
      this.#block = block;
    }
    for (let rest = chunk; rest.length > 0;) {
      const part = rest.subarray(0, this.#block.length - this.#used);
      this.#block.set(part, this.#used);
      this.#used += part.length;
      rest = rest.subarray(part.length);
      if (this.#used === this.#block.length) {
        this.#keepStart(this.#block);
        this.#countParts(this.#block);
        if (this.hasTooManyParts) return this.discard();
        await this.#file.write(this.#block);
        this.#used = 0;
      }
    }
  }
}

/** Read from the octets at hand: all of a small message, the first block of a large one. */
export interface HeadFacts {
  /** How many Received fields. */
  readonly received: number;
  /** Lines before the first empty one. */
  readonly lines: number;
  /** Whether an Authentication-Results field stands in it. */
  readonly authResults: boolean;
  /** Whether there is a Message-Id that says something. */
  readonly messageId: boolean;
  readonly date: boolean;
  /** Whether its Content-Type may be one with parts inside: `multipart/…`, `message/…`. */
  readonly hasParts: boolean;
  /** Offset of the body; undefined when the empty line is not among the octets. */
  readonly end: number | undefined;
}

const LF = 10, CR = 13, COLON = 58, SPACE = 32, TAB = 9;

export function readHead(bytes: Uint8Array): HeadFacts {
  const facts = {
    received: 0,
    lines: 0,
    authResults: false,
    messageId: false,
    date: false,
    hasParts: false,
    end: undefined as number | undefined,
  };
  for (let at = 0; at < bytes.length; facts.lines++) {
    const first = bytes[at]!;
    if (first === LF || (first === CR && bytes[at + 1] === LF)) {
      facts.end = at + (first === LF ? 1 : 2);
      break;
    }
    let end = at;
    while (end < bytes.length && bytes[end] !== LF) end++; // lines are short: a call would cost more
    if (end === bytes.length) end = -1;
    // Small letters, whatever the case.
    switch (first | 32) {
      case 114:
        if (isField(bytes, at, "received")) facts.received++;
        break;
      case 97:
        if (isField(bytes, at, "authentication-results")) facts.authResults = true;
        break;
      case 109:
        if (isField(bytes, at, "message-id")) {
          facts.messageId ||= !isEmptyId(bytes.subarray(bytes.indexOf(COLON, at) + 1, end < 0 ? undefined : end));
        }
        break;
      case 100:
        if (isField(bytes, at, "date")) facts.date = true;
        break;
      case 99:
        if (isField(bytes, at, "content-type")) facts.hasParts ||= beginsWithM(bytes, bytes.indexOf(COLON, at) + 1);
        break;
    }
    if (end < 0) {
      facts.lines++;
      break;
    }
    at = end + 1;
  }
  return facts;
}

/** Exactly `<>`, which Haraka counts as none (spec 02 §1.1). */
function isEmptyId(value: Uint8Array): boolean {
  return value.length < 8 && latin1Decode(value).trim() === "<>";
}

/** The first letter of a value, which may begin on a line further down. */
function beginsWithM(bytes: Uint8Array, at: number): boolean {
  while (bytes[at] === SPACE || bytes[at] === TAB || bytes[at] === CR || bytes[at] === LF) at++;
  // A comment may stand in front: whoever reads it in full shall tell.
  return bytes[at] === 77 || bytes[at] === 109 || bytes[at] === 40;
}

/** `name` in lower case, of letters and `-`. Blanks before the colon are obsolete, and read by many (RFC 5322 §4.5). */
function isField(bytes: Uint8Array, at: number, name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const octet = bytes[at + i]!;
    const lower = octet >= 65 && octet <= 90 ? octet | 32 : octet;
    if (lower !== name.charCodeAt(i)) return false;
  }
  let end = at + name.length;
  while (bytes[end] === SPACE || bytes[end] === TAB) end++;
  return bytes[end] === COLON;
}
