/**
 * The dot code of DATA (RFC 5321 §4.5.2), both ways, over chunks.
 *
 * The decoder promises that only `CRLF . CRLF` ends a message, whatever mix of CR, LF and dots comes before, and that the way the
 * octets were cut into chunks changes nothing. A fault is told once, in stream order; then it reads on to the real end.
 */
import type { Bytes } from "../base/bytes.ts";
import type { DataEvent, DataOptions } from "./wire_reader.ts";
import { CR, DOT, findLineEnd, LF, wordsOf } from "./scan.ts";

const CRLF: Bytes = new Uint8Array([CR, LF]);
const DONE: DataEvent = { kind: "done" };

/** Where the next octet stands. A bare LF (where allowed) begins a line of text, but never one of SMTP's. */
type Place = "after-crlf" | "after-lf" | "within";

export class DotDecoder {
  /** Index of the first octet not yet consumed, after {@linkcode step}. At most two octets stay undecided. */
  at = 0;
  readonly #limit: number;
  readonly #allowLf: boolean;
  #place: Place = "after-crlf";
  #size = 0;
  #spoilt = false;

  constructor(options: DataOptions) {
    this.#limit = options.limit;
    this.#allowLf = options.bareLf === "allow";
  }

  /**
   * The next event out of `[from, to)`; undefined when more octets are needed. Call again from `at`. `words` views the same whole
   * buffer as `bytes`. Chunks are views.
   */
  step(bytes: Bytes, words: Int32Array, from: number, to: number): DataEvent | undefined {
    let run = from; // text found good and not yet given out: [run, i)
    let i = from;
    for (;;) {
      if (this.#place !== "within") {
        if (i === to) break;
        if (bytes[i] === DOT) {
          if (i + 1 === to) break;
          const next = bytes[i + 1];
          if (next === CR && i + 2 === to) break;
          const ends = next === CR && bytes[i + 2] === LF;
          const proper = this.#place === "after-crlf";
          const event = this.#flush(bytes, run, i);
          if (event !== undefined) return event;
          run = i;
          if (ends && proper) {
            this.at = i + 3;
            return DONE;
          }
          if (!this.#spoilt && this.#allowLf && (ends || next === LF)) return this.#spoil("smuggling", i);
          i++;
          if (proper) run = i; // the sender's stuffing
        }
        this.#place = "within";
      }
      i = findLineEnd(bytes, words, i, to);
      if (i === to) break;
      if (bytes[i] === CR) {
        if (i + 1 === to) break;
        if (bytes[i + 1] === LF) {
          i += 2;
          this.#place = "after-crlf";
          continue;
        }
        const event = this.#flush(bytes, run, i);
        if (event !== undefined) return event;
        if (!this.#spoilt) return this.#spoil("bare-cr", i);
        run = ++i;
        continue;
      }
      const event = this.#flush(bytes, run, i);
      if (event !== undefined) return event;
      if (!this.#spoilt && !this.#allowLf) return this.#spoil("bare-lf", i);
      run = ++i;
      this.#place = "after-lf";
      const ending = this.#flush(CRLF, 0, 2);
      if (ending !== undefined) {
        this.at = i;
        return ending;
      }
    }
    const event = this.#flush(bytes, run, i);
    this.at = i;
    return event;
  }

  #flush(bytes: Bytes, run: number, i: number): DataEvent | undefined {
    if (run === i || this.#spoilt) return undefined;
    this.#size += i - run;
    if (this.#size > this.#limit) return this.#spoil("too-big", i);
    this.at = i;
    return { kind: "chunk", bytes: bytes.subarray(run, i) };
  }

  #spoil(fault: "bare-cr" | "bare-lf" | "too-big" | "smuggling", at: number): DataEvent {
    this.#spoilt = true;
    this.at = at;
    return { kind: "fault", fault };
  }
}

/** Turns canonical octets (CRLF line ends, nothing stuffed) into what goes over the wire. */
export class DotEncoder {
  #last = LF;
  #beforeLast = CR;

  /** The wire form of the next chunk: `chunk` itself when no line in it begins with a dot. Chunks may be cut anywhere. */
  encode(chunk: Bytes): Bytes {
    const { byteOffset, length } = chunk;
    if (length === 0) return chunk;
    const bytes = new Uint8Array(chunk.buffer);
    const words = wordsOf(chunk);
    const end = byteOffset + length;
    const dots: number[] = [];
    // A dot behind a bare CR or LF is doubled as well: there should be none, but a peer that takes one for a line end must not find an end.
    if (isEol(this.#last) && bytes[byteOffset] === DOT) dots.push(byteOffset);
    for (let i = findLineEnd(bytes, words, byteOffset, end); i < end; i = findLineEnd(bytes, words, i + 1, end)) {
      if (i + 1 < end && bytes[i + 1] === DOT) dots.push(i + 1);
    }
    this.#beforeLast = length > 1 ? bytes[end - 2]! : this.#last;
    this.#last = bytes[end - 1]!;
    if (dots.length === 0) return chunk;
    const out = new Uint8Array(length + dots.length);
    let from = byteOffset;
    let to = 0;
    for (const dot of dots) {
      out.set(bytes.subarray(from, dot), to);
      to += dot - from;
      out[to++] = DOT;
      from = dot;
    }
    out.set(bytes.subarray(from, end), to);
    return out;
  }

  /** The end of the message: the final CRLF when the text lacks it, and `.CRLF`. */
  end(): Bytes {
    return this.#last === LF && this.#beforeLast === CR ? END : END_OF_OPEN_LINE;
  }
}

const END: Bytes = new Uint8Array([DOT, CR, LF]);
const END_OF_OPEN_LINE: Bytes = new Uint8Array([CR, LF, DOT, CR, LF]);

function isEol(octet: number): boolean {
  return octet === LF || octet === CR;
}
