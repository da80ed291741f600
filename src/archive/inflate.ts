/**
 * Deflate (RFC 1951) and gzip (RFC 1952), by the package `fflate` (loaded when first needed), a small piece at a time: a piece makes at most about a thousand times its own
 * size, so memory stays bounded whatever it decompresses to, and whoever reads may stop at any time.
 */
import type { Bytes } from "../base/bytes.ts";
import { latin1Decode } from "../base/bytes.ts";
import type { ByteReader } from "./byte_reader.ts";
import { damaged } from "./fault.ts";

/** The first piece is small: often only the beginning is looked at. */
const FIRST = 256;
const LARGEST = 2048;
const SMALLEST = 64;
/** Octets made of one piece beyond which the next one is smaller. */
const PLENTY = 128 * 1024;
/** What fflate throws where a gzip header should stand. */
const NO_HEADER = 6;
/** Header, nothing, and checksum. */
const SMALLEST_GZIP = 20;
/** Octets of a gzip header that are searched for its name. */
const LONGEST_HEADER = 66_000;

type Package = typeof import("fflate");
type Machine = { push(chunk: Uint8Array, final?: boolean): void };
type Put = (octets: Uint8Array) => void;

/** Throws an {@linkcode ArchiveFault} where the octets are no deflated data, or end early. */
export async function* inflate(input: AsyncIterable<Bytes>): AsyncGenerator<Bytes, void, undefined> {
  yield* run(input, 1, (flate, put) => new flate.Inflate(put), () => false);
}

/** Member after member, as gzip itself reads them; what follows the last one and is none is passed over. */
export async function* gunzip(input: AsyncIterable<Bytes>): AsyncGenerator<Bytes, void, undefined> {
  yield* run(
    input,
    SMALLEST_GZIP,
    (flate, put) => new flate.Gunzip(put),
    (fault) => (fault as { code?: number }).code === NO_HEADER,
  );
}

/** The name in a gzip header; undefined when there is none. Throws an {@linkcode ArchiveFault} where the header is not whole. */
export async function gzipName(reader: ByteReader): Promise<string | undefined> {
  const head = await reader.peek(12);
  const flags = head[3] ?? 0;
  if ((flags & 8) === 0) return undefined;
  const start = (flags & 4) === 0 ? 10 : 12 + (head[10] ?? 0) + 256 * (head[11] ?? 0);
  for (let length = 512;; length *= 4) {
    const octets = await reader.peek(length);
    const end = octets.indexOf(0, start);
    // Latin-1: RFC 1952 §2.3.1.
    if (end > start) return latin1Decode(octets.subarray(start, end));
    if (end === start || length > LONGEST_HEADER) return undefined;
    if (octets.length < length) throw damaged("ends too early");
  }
}

async function* run(
  input: AsyncIterable<Bytes>,
  least: number,
  make: (flate: Package, put: Put) => Machine,
  isEnd: (fault: unknown) => boolean,
): AsyncGenerator<Bytes, void, undefined> {
  let made: Bytes[] = [];
  const machine = make(await import("fflate"), (octets) => void (octets.length > 0 && made.push(octets as Bytes)));
  let size = FIRST;
  let fault: { readonly cause: unknown } | undefined;
  const push = (octets: Uint8Array, final: boolean) => {
    try {
      machine.push(octets, final);
    } catch (cause) {
      fault = { cause };
    }
  };
  const taken = () => {
    const ready = made;
    made = [];
    return ready;
  };
  let seen = 0;
  for await (const piece of input) {
    seen += piece.length;
    for (let at = 0; at < piece.length && fault === undefined;) {
      push(piece.slice(at, at + size), false);
      at += size;
      const ready = taken();
      const count = ready.reduce((sum, octets) => sum + octets.length, 0);
      size = count > PLENTY ? Math.max(SMALLEST, size >> 1) : Math.min(LARGEST, 2 * size);
      yield* ready;
    }
    if (fault !== undefined) break;
  }
  // An octet too many: harmless behind the end, and where there has been none a fault, for its bits begin no block (RFC 1951 §3.2.3: type 3 is none).
  if (fault === undefined) push(Uint8Array.of(255), true);
  yield* taken();
  if (seen < least) throw damaged("ends too early");
  if (fault !== undefined && !isEnd(fault.cause)) throw damaged("cannot be decompressed", fault.cause);
}
