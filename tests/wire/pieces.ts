/** Streams made of given pieces, and the ways of cutting input: tests and fuzz targets of the wire room share them. */
import { type Bytes, latin1Decode, latin1Encode } from "../../src/base/bytes.ts";
import type { Octets } from "../../src/base/octets.ts";
import { createReader, type Incoming, type ReaderOptions } from "../../src/wire/reader.ts";
import type { DataOptions, WireReader } from "../../src/wire/wire_reader.ts";

/** A byte stream (BYOB readers welcome) that gives one piece per read at most. */
export function byteStream(pieces: readonly Uint8Array[]): ReadableStream<Bytes> {
  let i = 0;
  return new ReadableStream({
    type: "bytes",
    pull(controller) {
      const piece = pieces[i++];
      if (piece === undefined) {
        controller.close();
        controller.byobRequest?.respond(0);
      } else controller.enqueue(new Uint8Array(piece));
    },
  }) as ReadableStream<Bytes>;
}

/** An ordinary stream. Its chunks lie in the middle of larger, shared buffers, as those of some hosts do. */
export function plainStream(pieces: readonly Uint8Array[]): ReadableStream<Bytes> {
  let i = 0;
  return new ReadableStream<Bytes>({
    pull(controller) {
      const piece = pieces[i++];
      if (piece === undefined) return controller.close();
      const shared = new Uint8Array(piece.length + 10).fill(0x2e);
      shared.set(piece, 3);
      controller.enqueue(shared.subarray(3, 3 + piece.length));
    },
  });
}

/** Without a stream: each call gives one piece at most, or the beginning of one. */
export function calls(pieces: readonly Uint8Array[]): Octets {
  const rest = pieces.map((piece) => new Uint8Array(piece));
  return {
    read(into) {
      const piece = rest.shift();
      if (piece === undefined) return Promise.resolve(null);
      const octets = Math.min(piece.length, into.length);
      into.set(piece.subarray(0, octets));
      if (octets < piece.length) rest.unshift(piece.subarray(octets));
      return Promise.resolve(octets);
    },
    write: (from) => Promise.resolve(from.length),
    closeWrite: () => Promise.resolve(),
  };
}

/**
 * The same two ways of reading without the runtime's streams behind them, which cost ten times what the reader does: for fuzzing, where some
 * inputs still take the real ones.
 */
export function quickStream(pieces: readonly Uint8Array[], kind: "byob" | "plain"): ReadableStream<Bytes> {
  let piece = 0;
  let offset = 0;
  const stream = {
    locked: false,
    getReader(options?: { mode?: "byob" }) {
      if (options?.mode === "byob" && kind === "plain") throw new TypeError("not a byte stream");
      stream.locked = true;
      const releaseLock = () => void (stream.locked = false);
      return { read: kind === "byob" ? fill : next, releaseLock, cancel: () => Promise.resolve() };
    },
  };
  function next() {
    const value = pieces[piece++];
    return Promise.resolve(value === undefined ? { done: true } : { done: false, value: new Uint8Array(value) });
  }
  function fill(view: Uint8Array) {
    // As the real one does, whoever lent the buffer loses it.
    const { byteOffset, length: room } = view;
    const buffer = (view.buffer as ArrayBuffer).transfer();
    const wanted = pieces[piece];
    if (wanted === undefined) return Promise.resolve({ done: true, value: new Uint8Array(buffer, byteOffset, 0) });
    const length = Math.min(room, wanted.length - offset);
    const value = new Uint8Array(buffer, byteOffset, length);
    value.set(wanted.subarray(offset, offset + length));
    offset += length;
    if (offset === wanted.length) {
      piece++;
      offset = 0;
    }
    return Promise.resolve({ done: false, value });
  }
  return stream as unknown as ReadableStream<Bytes>;
}

export const STREAMS: { readonly [kind: string]: (pieces: readonly Uint8Array[]) => Incoming } = {
  "byte stream": byteStream,
  "plain stream": plainStream,
  "run of calls": calls,
};

/** Whole; in two pieces, cut at each byte; byte by byte. */
export function* cuts(input: Uint8Array): Generator<Uint8Array[]> {
  yield [input];
  for (let i = 1; i < input.length; i++) yield [input.subarray(0, i), input.subarray(i)];
  if (input.length > 2) yield Array.from(input, (octet) => new Uint8Array([octet]));
}

export function readerOf(
  pieces: readonly Uint8Array[],
  make: (pieces: readonly Uint8Array[]) => Incoming = byteStream,
  options: ReaderOptions = {},
): WireReader {
  return createReader(make(pieces), options);
}

/** What a message came to: its text when it was good, its fault, or that the peer left. */
export interface Outcome {
  readonly text: string;
  readonly faults: readonly string[];
  readonly ended: "done" | "end";
}

export async function readData(reader: WireReader, options: DataOptions): Promise<Outcome> {
  const data = reader.data(options);
  return await drain(data);
}

export async function drain(data: { next(): any }): Promise<Outcome> {
  let text = "";
  const faults: string[] = [];
  for (;;) {
    const event = await data.next();
    if (event.kind === "chunk") text += latin1Decode(event.bytes);
    else if (event.kind === "fault") faults.push(event.fault);
    else return { text: faults.length > 0 ? "" : text, faults, ended: event.kind };
  }
}

/** Lines up to the end, each as its text or the kind of its verdict in angle brackets. */
export async function readLines(reader: WireReader, limit = 512): Promise<string[]> {
  const lines: string[] = [];
  for (;;) {
    const line = await reader.line(limit);
    if (line.kind === "line") lines.push(latin1Decode(line.bytes));
    else lines.push(`<${line.kind}>`);
    if (line.kind === "end" || line.kind === "too-long" || line.kind === "tls-hello") return lines;
  }
}

export const bytes = latin1Encode;
