/**
 * A source with some of its runs of octets replaced: what was not replaced is read from where it lies and leaves as it came in.
 *
 * This is how a body is edited: the message is never rewritten, it is recorded which octets others stand in for (wishes §1.5).
 */
import type { Bytes } from "../base/bytes.ts";
import type { Source } from "./message.ts";
import { memorySource } from "./source.ts";

/** `bytes` in place of the octets `[from, to)`. */
export interface Patch {
  readonly from: number;
  readonly to: number;
  readonly bytes: Bytes;
}

/** `source` from offset `start` on, patched. Patches may come in any order; a RangeError for those that overlap or lie outside. */
export function spliceSource(source: Source, patches: readonly Patch[], start = 0): Source {
  const sorted = patches.toSorted((a, b) => a.from - b.from || a.to - b.to);
  const pieces: Piece[] = [];
  let at = start;
  for (const { from, to, bytes } of sorted) {
    if (from < at || to < from || to > source.size) {
      throw new RangeError(`Cannot patch octets ${from} to ${to} of ${source.size}: behind ${at} they were wanted`);
    }
    if (from > at) pieces.push({ from: at, length: from - at });
    if (bytes.length > 0) pieces.push({ bytes, length: bytes.length });
    at = to;
  }
  if (at < source.size) pieces.push({ from: at, length: source.size - at });
  const size = pieces.reduce((sum, { length }) => sum + length, 0);
  const whole = source.bytes;
  if (whole === undefined) return { size, open: (from = 0) => read(source, pieces, from) };
  const out = new Uint8Array(size);
  let to = 0;
  for (const piece of pieces) {
    out.set("bytes" in piece ? piece.bytes : whole.subarray(piece.from, piece.from + piece.length), to);
    to += piece.length;
  }
  return memorySource(out);
}

type Piece =
  | { readonly bytes: Bytes; readonly length: number }
  | { readonly from: number; readonly length: number };

function read(source: Source, pieces: readonly Piece[], from: number): ReadableStream<Bytes> {
  let index = 0;
  let skip = from;
  while (index < pieces.length && skip >= pieces[index]!.length) skip -= pieces[index++]!.length;
  let reader: ReadableStreamDefaultReader<Bytes> | undefined;
  let left = 0;
  return new ReadableStream<Bytes>({
    async pull(controller) {
      for (;;) {
        if (reader !== undefined) {
          const { done, value } = await reader.read();
          if (done) throw new Error(`Cannot read a message: its source ends ${left} octets early`);
          const octets = value.subarray(0, left);
          left -= octets.length;
          if (left === 0) {
            await reader.cancel();
            reader = undefined;
            index++;
          }
          if (octets.length > 0) return controller.enqueue(octets);
          continue;
        }
        const piece = pieces[index];
        if (piece === undefined) return controller.close();
        if ("bytes" in piece) {
          index++;
          const octets = piece.bytes.subarray(skip);
          skip = 0;
          return controller.enqueue(octets);
        }
        left = piece.length - skip;
        reader = source.open(piece.from + skip).getReader();
        skip = 0;
      }
    },
    cancel: (reason) => reader?.cancel(reason),
  }, { highWaterMark: 0 });
}
