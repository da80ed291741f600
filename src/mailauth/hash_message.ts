/** Reads a message once: its header, and the hash of its body in the wanted form (RFC 6376 §3.4.3, §3.4.4). */
import { type Bytes, concat, EMPTY } from "../base/bytes.ts";
import { PARTS } from "./package.ts";

export type BodyForm = "simple" | "relaxed";

export interface HashedMessage {
  /** Field lines, without the empty line. */
  readonly header: Bytes;
  /** SHA-256 of the canonical body, base64. */
  readonly bodyHash: string;
}

/** A header longer than this is not worth a signature. */
const LONGEST_HEADER = 1024 * 1024;

/** Throws a RangeError for a header of more than a MiB. */
export async function hashMessage(
  octets: ReadableStream<Bytes>,
  form: BodyForm,
  signal?: AbortSignal,
): Promise<HashedMessage> {
  const hash = (await PARTS.bodyHash())(form, "sha256");
  let start: Bytes = EMPTY;
  let header: Bytes | undefined;
  for await (const chunk of octets) {
    signal?.throwIfAborted();
    if (header !== undefined) {
      hash.update(chunk);
      continue;
    }
    // The empty line may be cut anywhere: look again at the last three octets.
    const lookFrom = Math.max(0, start.length - 3);
    start = start.length === 0 ? chunk : concat([start, chunk]);
    const body = bodyStart(start, lookFrom);
    if (body === undefined) {
      if (start.length > LONGEST_HEADER) throw new RangeError(`The header has more than ${LONGEST_HEADER} octets`);
      continue;
    }
    header = start.subarray(0, body - 2);
    if (body < start.length) hash.update(start.subarray(body));
  }
  return { header: header ?? start, bodyHash: hash.digest("base64") };
}

/** Offset behind the first CRLF CRLF, or behind a CRLF that the message starts with. */
function bodyStart(bytes: Bytes, from: number): number | undefined {
  if (bytes[0] === 13 && bytes[1] === 10) return 2;
  for (let i = bytes.indexOf(13, from); i >= 0; i = bytes.indexOf(13, i + 1)) {
    if (bytes[i + 1] === 10 && bytes[i + 2] === 13 && bytes[i + 3] === 10) return i + 4;
  }
  return undefined;
}
