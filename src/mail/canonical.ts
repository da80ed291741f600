/**
 * Content from a program brought into a message's form, in chunks of any size: lines end in CRLF; dots that were doubled for the wire are
 * single again.
 */
import type { Bytes } from "../base/bytes.ts";

const LF = 10, CR = 13, DOT = 46;

/** A function for the chunks of one message, in order. `stuffed`: of two dots in front of a line one is for the wire. */
export function canonical(stuffed: boolean): (chunk: Uint8Array) => Bytes {
  let last = LF;
  /** The last octet is a dot in front of a line. */
  let afterDot = false;
  return (chunk) => {
    // At worst each octet is an LF that wants a CR.
    const out = new Uint8Array(2 * chunk.length);
    let length = 0;
    for (const octet of chunk) {
      const isSecond = afterDot && octet === DOT;
      afterDot = octet === DOT && last === LF;
      if (isSecond && stuffed) {
        last = octet;
        continue;
      }
      if (octet === LF && last !== CR) out[length++] = CR;
      out[length++] = last = octet;
    }
    return out.subarray(0, length);
  };
}
