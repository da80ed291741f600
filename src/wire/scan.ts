/**
 * Finding line ends, four octets at a time.
 *
 * A native `indexOf` per line costs more than the line itself; looking at words skips ordinary text at several GB/s. Indices are those
 * of the whole buffer, so that octet `i` lies in word `i >> 2`.
 */
import type { Bytes } from "../base/bytes.ts";

export const CR = 13;
export const LF = 10;
export const DOT = 46;

/** The words of a view's whole buffer (a last incomplete word is left out). */
export function wordsOf(bytes: Bytes): Int32Array<ArrayBuffer> {
  return new Int32Array(bytes.buffer, 0, bytes.buffer.byteLength >> 2);
}

/** Index of the first CR or LF in `[from, to)`, else `to`. `bytes` must view the whole buffer that `words` views. */
export function findLineEnd(bytes: Bytes, words: Int32Array, from: number, to: number): number {
  let i = from;
  for (; i < to && (i & 3) !== 0; i++) {
    const octet = bytes[i];
    if (octet === LF || octet === CR) return i;
  }
  const end = to >> 2;
  for (let w = i >> 2; w < end; w++) {
    const x = words[w]!;
    // Not zero exactly when one of the four octets is below 14: control characters only.
    if (((x - 0x0e0e0e0e) & ~x & 0x80808080) === 0) continue;
    for (let k = w << 2, stop = k + 4; k < stop; k++) {
      const octet = bytes[k];
      if (octet === LF || octet === CR) return k;
    }
  }
  for (i = Math.max(i, end << 2); i < to; i++) {
    const octet = bytes[i];
    if (octet === LF || octet === CR) return i;
  }
  return to;
}
