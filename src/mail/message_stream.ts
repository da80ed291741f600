/**
 * A message in the form that somebody else wants it: other line ends, dots doubled, in counted chunks (Haraka's `message_stream.pipe`).
 *
 * Each call reads the message anew, so as many may read at once as like. Without options it is what `message.open()` gives.
 */
import { type Bytes, concat, utf8Encode } from "../base/bytes.ts";
import { DotEncoder } from "../wire/data.ts";
import type { Message } from "./message.ts";

export interface MessageForm {
  /** Default CRLF, as it is kept. */
  readonly lineEndings?: "\r\n" | "\n";
  /** Double the dot in front of a line, as over the wire (RFC 5321 §4.5.2). Default no. */
  readonly dotStuffing?: boolean;
  /** End with a line of one dot. Default no. */
  readonly endingDot?: boolean;
  /** The body only. Default no. */
  readonly skipHeaders?: boolean;
  /** Octets of each chunk but the last. Default: as they come, 64 KiB at most. */
  readonly chunkSize?: number;
  /** Each chunk behind its length in four octets, highest first, and a length of zero at the end: clamd's INSTREAM. Default no. */
  readonly clamd?: boolean;
}

/** Cancel the stream if it is not read to its end. */
export function messageStream(message: Message, form: MessageForm = {}): ReadableStream<Bytes> {
  let stream = form.skipHeaders ? message.openBody() : message.open();
  if (form.dotStuffing) stream = stream.pipeThrough(dotStuffing());
  if (form.endingDot) stream = stream.pipeThrough(endingDot());
  if (form.lineEndings === "\n") stream = stream.pipeThrough(bareLineFeeds());
  if (form.chunkSize !== undefined) stream = stream.pipeThrough(chunksOf(form.chunkSize));
  if (form.clamd) stream = stream.pipeThrough(clamdChunks());
  return stream;
}

/** Takes octets, and gives octets for them; `end` gives those behind the last. */
interface Stage {
  readonly push: (octets: Bytes, give: (octets: Bytes) => void) => void;
  readonly end?: (give: (octets: Bytes) => void) => void;
}

function stage({ push, end }: Stage): TransformStream<Bytes, Bytes> {
  const giveTo = (controller: TransformStreamDefaultController<Bytes>) => (octets: Bytes) => {
    if (octets.length > 0) controller.enqueue(octets);
  };
  return new TransformStream<Bytes, Bytes>({
    transform: (octets, controller) => push(octets, giveTo(controller)),
    flush: (controller) => end?.(giveTo(controller)),
  });
}

/** Doubles the dot in front of a line. */
export function dotStuffing(): TransformStream<Bytes, Bytes> {
  const encoder = new DotEncoder();
  return stage({ push: (octets, give) => give(encoder.encode(octets)) });
}

/** Adds the line of one dot, in front of it the CRLF that the last line may lack. */
export function endingDot(): TransformStream<Bytes, Bytes> {
  let last = LF;
  return stage({
    push(octets, give) {
      last = octets.at(-1) ?? last;
      give(octets);
    },
    end: (give) => give(utf8Encode(last === LF ? ".\r\n" : "\r\n.\r\n")),
  });
}

/** CRLF becomes LF; a CR by itself stays. */
export function bareLineFeeds(): TransformStream<Bytes, Bytes> {
  let heldCr = false;
  return stage({
    push(octets, give) {
      const out = new Uint8Array(octets.length + 1);
      let length = 0;
      for (const octet of octets) {
        if (heldCr && octet !== LF) out[length++] = CR;
        heldCr = octet === CR;
        if (!heldCr) out[length++] = octet;
      }
      give(out.subarray(0, length));
    },
    end: (give) => heldCr ? give(Uint8Array.of(CR)) : undefined,
  });
}

/** Chunks of `size` octets, the last one shorter. */
export function chunksOf(size: number): TransformStream<Bytes, Bytes> {
  if (!(size >= 1)) throw new RangeError(`Cannot cut a stream into chunks of ${size} octets; wanted: 1 or more`);
  let held: Bytes[] = [];
  let length = 0;
  return stage({
    push(octets, give) {
      held.push(octets);
      length += octets.length;
      if (length < size) return;
      const all = concat(held);
      let at = 0;
      for (; length - at >= size; at += size) give(all.subarray(at, at + size));
      held = [all.slice(at)];
      length -= at;
    },
    end: (give) => give(concat(held)),
  });
}

/** clamd's INSTREAM: a length in front of each chunk, zero at the end. */
export function clamdChunks(): TransformStream<Bytes, Bytes> {
  return stage({
    push(octets, give) {
      const length = new Uint8Array(4);
      new DataView(length.buffer).setUint32(0, octets.length);
      give(concat([length, octets]));
    },
    end: (give) => give(new Uint8Array(4)),
  });
}

const LF = 10, CR = 13;
