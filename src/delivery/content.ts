/**
 * A message as it goes over the wire: dot-stuffed, closed by the dot (RFC 5321 §4.5.2).
 *
 * A message in memory becomes one buffer and one write; a larger one flows in chunks, as fast as the peer takes them.
 */
import type { Bytes } from "../base/bytes.ts";
import type { Rendered } from "../mail/message.ts";
import { DotEncoder } from "../wire/data.ts";

/** Above this a message is not copied into one buffer. */
const ONE_WRITE = 256 * 1024;

/** The whole message, ended; undefined when it is too large for one write or not in memory. */
export function wholeContent({ head, source, offset }: Rendered): Bytes | undefined {
  const { bytes } = source;
  if (bytes === undefined || head.length + bytes.length - offset > ONE_WRITE) return undefined;
  const encoder = new DotEncoder();
  const first = encoder.encode(head);
  const rest = encoder.encode(offset === 0 ? bytes : bytes.subarray(offset));
  const end = encoder.end();
  const out = new Uint8Array(first.length + rest.length + end.length);
  out.set(first);
  out.set(rest, first.length);
  out.set(end, first.length + rest.length);
  return out;
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
