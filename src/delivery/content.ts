/**
 * A message as it goes over the wire: dot-stuffed, closed by the dot (RFC 5321 §4.5.2), or as it is, behind its length (RFC 3030).
 *
 * A message in memory becomes one buffer and one write; a larger one flows in chunks, as fast as the peer takes them.
 */
import { type Bytes, EMPTY } from "../base/bytes.ts";
import type { Rendered } from "../mail/message.ts";
import { DotEncoder } from "../wire/data.ts";
import { CR, LF } from "../wire/scan.ts";

/**
 * How the content goes: behind DATA; all of it in one BDAT that follows the envelope unasked, a round trip less; or behind a BDAT of its length,
 * once the envelope is taken, because it is too large to be sent in vain.
 */
export type Plan =
  | { readonly by: "data" }
  | { readonly by: "chunk"; readonly bytes: Bytes }
  | { readonly by: "long-chunk"; readonly size: number };
export const BY_DATA: Plan = { by: "data" };

/** For a peer that takes chunks. An LMTP server answers a chunk for each recipient, so nothing is sent it unasked. */
export function planFor(rendered: Rendered, binary: boolean, lmtp: boolean): Plan {
  const bytes = lmtp ? undefined : wholeChunk(rendered, binary);
  if (bytes !== undefined) return { by: "chunk", bytes };
  const { head, source, offset } = rendered;
  return binary ? { by: "long-chunk", size: head.length + source.size - offset } : BY_DATA;
}

/** Above this a message is not copied into one buffer. */
const ONE_WRITE = 256 * 1024;

/** Buffers that small messages were sent from: a new one would have to be zeroed and collected. */
const spare: Bytes[] = [];
const SPARE_SIZE = 16_384;
const MOST_SPARE = 64;

/** Gives back what `wholeContent` gave, once it has been written. */
export function reuse(content: Bytes): void {
  if (content.buffer.byteLength === SPARE_SIZE && spare.length < MOST_SPARE) spare.push(new Uint8Array(content.buffer));
}

/** The whole message, ended; undefined when it is too large for one write or not in memory. */
export function wholeContent({ head, source, offset }: Rendered): Bytes | undefined {
  const { bytes } = source;
  if (bytes === undefined || head.length + bytes.length - offset > ONE_WRITE) return undefined;
  const encoder = new DotEncoder();
  const first = encoder.encode(head);
  const rest = encoder.encode(offset === 0 ? bytes : bytes.subarray(offset));
  const end = encoder.end();
  const length = first.length + rest.length + end.length;
  const out = length > SPARE_SIZE
    ? new Uint8Array(length)
    : (spare.pop() ?? new Uint8Array(SPARE_SIZE)).subarray(0, length);
  out.set(first);
  out.set(rest, first.length);
  out.set(end, first.length + rest.length);
  return out;
}

/** The most that is sent along with the envelope, before the peer has said that it wants it. */
const ONE_CHUNK = 64 * 1024;

/**
 * The whole message for one BDAT (RFC 3030): as it is, without a dot. Undefined when it is too large or not in memory; and when it is not `binary` and
 * holds a bare CR or LF, which a peer might take for the end of a line, or does not end with one: the dot code mends these.
 */
export function wholeChunk({ head, source, offset }: Rendered, binary: boolean): Bytes | undefined {
  const { bytes } = source;
  if (bytes === undefined) return undefined;
  const length = head.length + bytes.length - offset;
  if (length > ONE_CHUNK) return undefined;
  const out = new Uint8Array(length);
  out.set(head);
  out.set(offset === 0 ? bytes : bytes.subarray(offset), head.length);
  return binary || isCanonical(out) ? out : undefined;
}

/** The message as it is, for BDAT. Rejects when the source does. */
export async function* rawChunks({ head, source, offset }: Rendered): AsyncGenerator<Bytes, Bytes> {
  if (head.length > 0) yield head;
  for await (const chunk of source.open(offset)) yield chunk;
  return EMPTY;
}

/** Every CR and every LF is half of a CRLF, and one stands at the end. */
function isCanonical(bytes: Bytes): boolean {
  if (bytes.at(-1) !== LF) return false;
  let cr = bytes.indexOf(CR);
  for (let lf = bytes.indexOf(LF); lf >= 0; lf = bytes.indexOf(LF, lf + 1)) {
    if (cr !== lf - 1) return false;
    cr = bytes.indexOf(CR, lf + 1);
  }
  return cr < 0;
}

/** The message in chunks; what ends it is the generator's return value. Rejects when the source does. */
export async function* contentChunks({ head, source, offset }: Rendered): AsyncGenerator<Bytes, Bytes> {
  const encoder = new DotEncoder();
  if (head.length > 0) yield encoder.encode(head);
  for await (const chunk of source.open(offset)) yield encoder.encode(chunk);
  return encoder.end();
}

/** Whether the message holds an octet above 127; a message not in memory is taken to (its header is not looked at alone). */
export function isEightBit({ head, source, offset }: Rendered): boolean {
  if (source.bytes === undefined) return true;
  return hasHighOctet(head, 0) || hasHighOctet(source.bytes, offset);
}

function hasHighOctet(bytes: Bytes, from: number): boolean {
  let i = from;
  const end = bytes.length;
  for (; i < end && ((bytes.byteOffset + i) & 3) !== 0; i++) if (bytes[i]! > 127) return true;
  if (i >= end) return false;
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + i, (end - i) >> 2);
  for (let w = 0; w < words.length; w++) if ((words[w]! & 0x80808080) !== 0) return true;
  for (i += words.length << 2; i < end; i++) if (bytes[i]! > 127) return true;
  return false;
}
