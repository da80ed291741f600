/**
 * The header of a 7z archive: which streams there are, how they are compressed, which files are in them.
 *
 * Throws an {@linkcode ArchiveFault} where it is no header. Numbers are believed only as far as the header's own octets could bear them out.
 */
import { type Bytes, EMPTY } from "../base/bytes.ts";
import { damaged } from "./fault.ts";

export interface Folder {
  readonly coders: readonly { readonly method: string; readonly properties: Bytes }[];
  /** What it comes to. */
  readonly size: number;
  /** Where its only packed stream lies, behind the start header; undefined when it has several. */
  readonly packed: { readonly offset: number; readonly size: number } | undefined;
  /** Sizes of the files in it, in their order. */
  readonly parts: readonly number[];
}
export interface Packed {
  readonly folders: readonly Folder[];
}
export interface File {
  readonly name: string;
  readonly hasStream: boolean;
}
export type SevenZipHeader =
  | { readonly kind: "header"; readonly packed: Packed; readonly files: readonly File[] }
  /** The header stands in the first folder. */
  | { readonly kind: "encoded"; readonly packed: Packed };

const END = 0, HEADER = 1, ARCHIVE_PROPERTIES = 2, ADDITIONAL = 3, STREAMS = 4, FILES = 5, PACK = 6, UNPACK = 7;
const SUBSTREAMS = 8, SIZE = 9, CRC = 10, FOLDER = 11, UNPACK_SIZE = 12, COUNT = 13, EMPTY_STREAM = 14, NAMES = 17;
const ENCODED = 23;
const MOST_CODERS = 32;

export function readHeader(octets: Bytes): SevenZipHeader {
  const cursor = new Cursor(octets);
  const id = cursor.number();
  if (id === ENCODED) return { kind: "encoded", packed: streams(cursor) };
  if (id !== HEADER) throw damaged("has no header");
  let packed: Packed = { folders: [] };
  let files: readonly File[] = [];
  for (let next = cursor.number(); next !== END; next = cursor.number()) {
    if (next === ARCHIVE_PROPERTIES) { while (cursor.number() !== END) cursor.octets(cursor.number()); }
    else if (next === ADDITIONAL) streams(cursor);
    else if (next === STREAMS) packed = streams(cursor);
    else if (next === FILES) files = filesIn(cursor);
    else throw damaged("has an impossible header");
  }
  return { kind: "header", packed, files };
}

interface RawFolder {
  readonly coders: Folder["coders"];
  readonly packedStreams: number;
  readonly outs: number;
  /** Outputs that are the input of another coder. */
  readonly bound: ReadonlySet<number>;
  sizes: number[];
  hasCrc: boolean;
}

function streams(cursor: Cursor): Packed {
  let offset = 0;
  let packedSizes: number[] = [];
  let raw: RawFolder[] = [];
  let parts: number[][] | undefined;
  for (let id = cursor.number(); id !== END; id = cursor.number()) {
    if (id === PACK) {
      offset = cursor.number();
      const count = cursor.count();
      for (let inner = cursor.number(); inner !== END; inner = cursor.number()) {
        if (inner === SIZE) packedSizes = cursor.numbers(count);
        else if (inner === CRC) cursor.digests(count);
        else throw damaged("has an impossible header");
      }
    } else if (id === UNPACK) raw = folders(cursor);
    else if (id === SUBSTREAMS) parts = substreams(cursor, raw);
    else throw damaged("has an impossible header");
  }
  let stream = 0;
  return {
    folders: raw.map((folder, i) => {
      const first = stream;
      const before = packedSizes.slice(0, first).reduce((sum, size) => sum + size, 0);
      stream += folder.packedStreams;
      const size = sizeOf(folder);
      const single = folder.packedStreams === 1 && packedSizes[first] !== undefined;
      return {
        coders: folder.coders,
        size,
        packed: single ? { offset: offset + before, size: packedSizes[first]! } : undefined,
        parts: parts?.[i] ?? [size],
      };
    }),
  };
}

function folders(cursor: Cursor): RawFolder[] {
  if (cursor.number() !== FOLDER) throw damaged("has an impossible header");
  const count = cursor.count();
  cursor.notExternal();
  const list = Array.from({ length: count }, () => folder(cursor));
  if (cursor.number() !== UNPACK_SIZE) throw damaged("has an impossible header");
  for (const each of list) each.sizes = cursor.numbers(each.outs);
  for (let id = cursor.number(); id !== END; id = cursor.number()) {
    if (id !== CRC) throw damaged("has an impossible header");
    const defined = cursor.digests(count);
    for (const [i, each] of list.entries()) each.hasCrc = defined[i]!;
  }
  return list;
}

function folder(cursor: Cursor): RawFolder {
  const coders: { method: string; properties: Bytes }[] = [];
  let [ins, outs] = [0, 0];
  const count = cursor.number();
  if (count === 0 || count > MOST_CODERS) throw damaged("has an impossible header");
  for (let i = 0; i < count; i++) {
    const flags = cursor.octet();
    const method = Array.from(cursor.octets(flags & 15), (octet) => octet.toString(16).padStart(2, "0")).join("");
    const isComplex = (flags & 0x10) !== 0;
    const [coderIns, coderOuts] = isComplex ? [cursor.number(), cursor.number()] : [1, 1];
    if (coderIns > MOST_CODERS || coderOuts > MOST_CODERS) throw damaged("has an impossible header");
    ins += coderIns;
    outs += coderOuts;
    coders.push({ method, properties: (flags & 0x20) !== 0 ? cursor.octets(cursor.number()) : EMPTY });
  }
  const bound = new Set<number>();
  for (let i = 1; i < outs; i++) {
    cursor.number();
    bound.add(cursor.number());
  }
  const packedStreams = ins - (outs - 1);
  if (packedStreams < 1) throw damaged("has an impossible header");
  if (packedStreams > 1) cursor.numbers(packedStreams);
  return { coders, packedStreams, outs, bound, sizes: [], hasCrc: false };
}

/** Of the output that goes nowhere else. */
function sizeOf({ sizes, bound }: RawFolder): number {
  return sizes.find((_, i) => !bound.has(i)) ?? 0;
}

function substreams(cursor: Cursor, list: readonly RawFolder[]): number[][] {
  let counts = list.map(() => 1);
  let sizes: number[][] | undefined;
  // Without a size of its own, a folder's only file has all of it.
  const made = () =>
    sizes ??= counts.map((count, i) => count === 1 ? [sizeOf(list[i]!)] : Array.from({ length: count }, () => 0));
  for (let id = cursor.number(); id !== END; id = cursor.number()) {
    if (id === COUNT) {
      counts = list.map(() => cursor.number());
      cursor.within(counts.reduce((sum, count) => sum + count, 0));
    } else if (id === SIZE) {
      sizes = counts.map((count, i) => {
        if (count === 0) return [];
        const all = cursor.numbers(count - 1);
        return [...all, Math.max(0, sizeOf(list[i]!) - all.reduce((sum, size) => sum + size, 0))];
      });
    } else if (id === CRC) {
      const known = counts.filter((count, i) => count === 1 && list[i]!.hasCrc).length;
      cursor.digests(counts.reduce((sum, count) => sum + count, 0) - known);
    } else throw damaged("has an impossible header");
  }
  return made();
}

function filesIn(cursor: Cursor): File[] {
  const count = cursor.count();
  let names: string[] = [];
  let empty: readonly boolean[] = [];
  for (let id = cursor.number(); id !== END; id = cursor.number()) {
    const property = new Cursor(cursor.octets(cursor.number()));
    if (id === EMPTY_STREAM) empty = property.bits(count);
    if (id === NAMES) {
      property.notExternal();
      names = new TextDecoder("utf-16le").decode(property.rest()).split("\0");
    }
  }
  return Array.from({ length: count }, (_, i) => ({ name: names[i] ?? "", hasStream: !(empty[i] ?? false) }));
}

class Cursor {
  readonly #octets: Bytes;
  #at = 0;

  constructor(octets: Bytes) {
    this.#octets = octets;
  }

  octet(): number {
    const octet = this.#octets[this.#at++];
    if (octet === undefined) throw damaged("has a header that ends too early");
    return octet;
  }

  octets(length: number): Bytes {
    if (length > this.#octets.length - this.#at) throw damaged("has a header that ends too early");
    this.#at += length;
    return this.#octets.subarray(this.#at - length, this.#at);
  }

  rest(): Bytes {
    return this.#octets.subarray(this.#at);
  }

  /** The ones in front of the first octet tell how many follow; their low octets come first, and the rest of it is the highest. */
  number(): number {
    const first = this.octet();
    let value = 0;
    let mask = 0x80;
    for (let i = 0; i < 8; i++, mask >>= 1) {
      if ((first & mask) === 0) return value + (first & (mask - 1)) * 2 ** (8 * i);
      value += this.octet() * 2 ** (8 * i);
    }
    return value;
  }

  /** Of things each of which takes an octet at least, or a bit. */
  count(): number {
    const count = this.number();
    this.within(count);
    return count;
  }

  within(count: number): void {
    if (count > 8 * this.#octets.length) throw damaged("has an impossible header");
  }

  numbers(count: number): number[] {
    if (count > this.#octets.length - this.#at) throw damaged("has a header that ends too early");
    return Array.from({ length: count }, () => this.number());
  }

  bits(count: number): boolean[] {
    const octets = this.octets(Math.ceil(count / 8));
    return Array.from({ length: count }, (_, i) => (octets[i >> 3]! & (0x80 >> (i & 7))) !== 0);
  }

  /** Which of them are there. */
  digests(count: number): boolean[] {
    const all = this.octet() !== 0;
    const defined = all ? Array.from({ length: count }, () => true) : this.bits(count);
    this.octets(4 * defined.filter(Boolean).length);
    return defined;
  }

  notExternal(): void {
    if (this.octet() !== 0) throw damaged("has an impossible header");
  }
}
