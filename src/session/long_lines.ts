/**
 * Lines of a message that are longer than they may be: told of, and broken where the operator wants Haraka's way.
 *
 * RFC 5321 §4.5.3.1.6 allows 1000 octets, and asks nobody to enforce it; a line that is broken breaks its signature, so the default is to keep
 * it as it came. Any split of the octets gives the same.
 */
import { type Bytes, concat } from "../base/bytes.ts";

const LF = 10, CR = 13;
const FOLD: Bytes = Uint8Array.of(13, 10, 32);

export class LongLines {
  /** Whether there was one. */
  found = false;
  /** Octets of a line, its CRLF included. */
  readonly #limit: number;
  readonly #breaks: boolean;
  /** Octets of the line under way. */
  #column = 0;
  /** A CR that may be half of a line's end is given with what follows: a message does not end with one. */
  #heldCr = false;

  constructor(limit: number, breaks: boolean) {
    // A line that is broken goes on with a blank, and has to get somewhere.
    this.#limit = breaks ? Math.max(4, limit) : limit;
    this.#breaks = breaks;
  }

  /** The octets as they shall be: the same ones, where nothing is broken. */
  push(octets: Bytes): Bytes {
    return this.#breaks ? this.#broken(octets) : (this.#look(octets), octets);
  }

  /** From window to window: most lines are short, so that few octets are looked at. */
  #look(octets: Bytes): void {
    if (this.found) return;
    let line = -this.#column;
    for (;;) {
      const last = line + this.#limit - 1;
      if (last >= octets.length) break;
      const lf = lastLf(octets, line, last);
      if (lf < 0) {
        this.found = true;
        return;
      }
      line = lf + 1;
    }
    const lf = lastLf(octets, line, octets.length - 1);
    this.#column = octets.length - (lf < 0 ? line : lf + 1);
  }

  #broken(octets: Bytes): Bytes {
    const bytes = this.#heldCr ? concat([Uint8Array.of(CR), octets]) : octets;
    const whole = bytes.at(-1) === CR ? bytes.length - 1 : bytes.length;
    this.#heldCr = whole < bytes.length;
    const out: Bytes[] = [];
    let from = 0;
    for (let at = 0; at < whole;) {
      const lf = bytes.indexOf(LF, at);
      const end = lf < 0 ? whole : lf > at && bytes[lf - 1] === CR ? lf - 1 : lf;
      while (this.#column + end - at > this.#limit - 2) {
        at += this.#limit - 2 - this.#column;
        out.push(bytes.subarray(from, at), FOLD);
        from = at;
        this.#column = 1;
        this.found = true;
      }
      this.#column = lf < 0 ? this.#column + end - at : 0;
      at = lf < 0 ? whole : lf + 1;
    }
    if (from === 0 && out.length === 0) return bytes.subarray(0, whole);
    out.push(bytes.subarray(from, whole));
    return concat(out);
  }
}

/** The last LF of `[from, last]`, -1 for none. A loop: it ends after a line's length, where `lastIndexOf` costs a call ten times that. */
function lastLf(octets: Uint8Array, from: number, last: number): number {
  const first = from < 0 ? 0 : from;
  let at = last;
  while (at >= first && octets[at] !== LF) at--;
  return at < first ? -1 : at;
}
