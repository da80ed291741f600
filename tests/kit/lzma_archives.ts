/**
 * Makes xz and 7z archives, and raw LZMA, over the package `lzma1`. Checksums of headers are right; those of contents are zeros, or not there.
 *
 *     xz("hello")
 *     sevenZip({ "a.txt": "hello", "dir": undefined }, { method: "lzma2", packedHeader: true })
 */
import { compress } from "lzma1";
import { type Bytes, concat, EMPTY, utf8Encode } from "../../src/base/bytes.ts";

type Content = string | Uint8Array;
const octetsOf = (content: Content): Bytes =>
  typeof content === "string" ? utf8Encode(content) : new Uint8Array(content);

export interface RawLzma {
  /** lc, lp and pb, and the size of the dictionary. */
  readonly settings: Bytes;
  readonly octets: Bytes;
}

/** Fit for one LZMA2 chunk as well, where it is small enough. `effort` 1 has a dictionary of 64 KiB, 5 one of 2 MiB. */
export function lzma(content: Content, effort: 1 | 5 = 5): RawLzma {
  const made = new Uint8Array(compress(octetsOf(content), effort));
  return { settings: made.slice(0, 5), octets: made.slice(13) };
}

/** Chunks of 60 000 octets, each with a dictionary of its own; `stored`: not compressed. */
export function lzma2(content: Content, { stored = false }: { readonly stored?: boolean } = {}): Bytes {
  const all = octetsOf(content);
  const chunks: Bytes[] = [];
  for (let at = 0; at < all.length; at += 60_000) {
    const piece = all.slice(at, at + 60_000);
    const size = piece.length - 1;
    if (stored) chunks.push(Uint8Array.of(at === 0 ? 1 : 2, size >> 8, size & 255), piece);
    else {
      const { settings, octets } = lzma(piece);
      const packed = octets.length - 1;
      chunks.push(Uint8Array.of(0xe0, size >> 8, size & 255, packed >> 8, packed & 255, settings[0]!), octets);
    }
  }
  return concat([...chunks, Uint8Array.of(0)]);
}

/** One block. `filters`: the octets of its list of filters, in the place of LZMA2 with 1 MiB. */
export function xz(content: Content, options: { readonly stored?: boolean; readonly filters?: Bytes } = {}): Bytes {
  const filters = options.filters ?? Uint8Array.of(0x21, 1, 16);
  const header = new Uint8Array(12);
  header.set([header.length / 4 - 1, 0, ...filters]);
  const body = lzma2(content, options);
  const padding = new Uint8Array((4 - body.length % 4) % 4);
  const index = Uint8Array.of(0, 1, ...sevenBits(header.length + body.length), ...sevenBits(octetsOf(content).length));
  return concat([
    Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 1, 0, 0, 0, 0),
    header,
    body,
    padding,
    new Uint8Array(4),
    index,
    new Uint8Array((4 - index.length % 4) % 4 + 4),
    new Uint8Array(10),
    utf8Encode("YZ"),
  ]);
}

export function crc32(octets: Uint8Array): number {
  let crc = -1;
  for (const octet of octets) {
    crc ^= octet;
    for (let i = 0; i < 8; i++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

/** The lowest seven bits first. */
export function sevenBits(value: number): number[] {
  return value < 128 ? [value] : [value % 128 + 128, ...sevenBits(Math.floor(value / 128))];
}

export interface SevenZipOptions {
  readonly method?: "copy" | "lzma" | "lzma2" | "aes" | "odd";
  /** The header is compressed too; "aes": and said to be encrypted. */
  readonly packedHeader?: boolean | "aes";
}

const IDS = { copy: [0], lzma: [3, 1, 1], lzma2: [0x21], aes: [6, 0xf1, 7, 1], odd: [3, 4, 1] };

/** Name → content; undefined for a folder. All files lie in one stream. */
export function sevenZip(
  files: { readonly [name: string]: Content | undefined },
  { method = "lzma2", packedHeader = false }: SevenZipOptions = {},
): Bytes {
  const contents = Object.values(files).filter((content) => content !== undefined).map(octetsOf);
  const all = concat(contents);
  const body = pack(all, method);
  const sizes = contents.slice(0, -1).flatMap((content) => number(content.length));
  const names = concat(Object.keys(files).map((name) => utf16(`${name}\0`)));
  const empty = bits(Object.values(files).map((content) => content === undefined));
  const streams = contents.length === 0 ? [] : [
    4,
    ...streamsInfo(0, body, all.length),
    8,
    ...[13, ...number(contents.length)],
    ...contents.length > 1 ? [9, ...sizes] : [],
    ...[0, 0],
  ];
  const property = (id: number, octets: Uint8Array | number[]) => [id, ...number(octets.length), ...octets];
  const header = Uint8Array.from([
    1,
    ...streams,
    5,
    ...number(Object.keys(files).length),
    ...property(14, empty),
    ...property(17, [0, ...names]),
    ...property(25, new Uint8Array(3)),
    ...[0, 0],
  ]);
  if (packedHeader === false) return sealed([body.octets], header);
  const wrapped = pack(header, packedHeader === "aes" ? "aes" : "lzma");
  const outer = Uint8Array.from([23, ...streamsInfo(body.octets.length, wrapped, header.length), 0]);
  return sealed([body.octets, wrapped.octets], outer);
}

/** Start header, streams, header. */
export function sealed(streams: readonly Bytes[], header: Bytes): Bytes {
  const before = concat(streams);
  const start = new DataView(new ArrayBuffer(32));
  for (const [i, octet] of [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c, 0, 4].entries()) start.setUint8(i, octet);
  start.setBigUint64(12, BigInt(before.length), true);
  start.setBigUint64(20, BigInt(header.length), true);
  start.setUint32(28, crc32(header), true);
  start.setUint32(8, crc32(new Uint8Array(start.buffer, 12, 20)), true);
  return concat([new Uint8Array(start.buffer), before, header]);
}

interface Packed {
  readonly octets: Bytes;
  readonly coder: readonly number[];
}

function pack(content: Bytes, method: NonNullable<SevenZipOptions["method"]>): Packed {
  const id = IDS[method];
  const coder = (properties: readonly number[]) => [
    (properties.length > 0 ? 0x20 : 0) | id.length,
    ...id,
    ...properties.length > 0 ? [properties.length, ...properties] : [],
  ];
  if (method === "lzma") {
    const { settings, octets } = lzma(content);
    return { octets, coder: coder([...settings]) };
  }
  if (method === "lzma2") return { octets: lzma2(content), coder: coder([16]) };
  return { octets: content, coder: coder(method === "copy" ? [] : [1, 2]) };
}

/** Pack and unpack information of one folder with one coder; its end is the caller's. */
function streamsInfo(offset: number, { octets, coder }: Packed, size: number): number[] {
  return [
    ...[6, ...number(offset), 1, 9, ...number(octets.length), 0],
    ...[7, 11, 1, 0, 1, ...coder, 12, ...number(size), 0],
  ];
}

/** As 7z writes numbers. */
function number(value: number): number[] {
  for (let more = 0; more < 8; more++) {
    if (value >= 2 ** (7 * more + 7)) continue;
    const high = Math.floor(value / 256 ** more);
    const low = Array.from({ length: more }, (_, i) => Math.floor(value / 256 ** i) % 256);
    return [(0xff00 >> more & 0xff) | high, ...low];
  }
  throw new TypeError(`${value} is too large`);
}

function bits(values: readonly boolean[]): Bytes {
  const octets = new Uint8Array(Math.ceil(values.length / 8));
  for (const [i, value] of values.entries()) if (value) octets[i >> 3]! |= 0x80 >> (i & 7);
  return octets;
}

function utf16(text: string): Bytes {
  if (text === "") return EMPTY;
  const view = new DataView(new ArrayBuffer(2 * text.length));
  for (let i = 0; i < text.length; i++) view.setUint16(2 * i, text.charCodeAt(i), true);
  return new Uint8Array(view.buffer);
}
