/**
 * Makes RAR archives (versions 4 and 5, stored or said to be compressed), `.Z` and bzip2. Checksums of RAR's headers are right; others are zeros.
 *
 *     rar5([{ name: "a.txt", content: "hello" }])
 *     compress("hello")
 *     bzip2("hello")
 */
import { type Bytes, concat, utf8Encode } from "../../src/base/bytes.ts";
import { crc32, sevenBits } from "./lzma_archives.ts";

type Content = string | Uint8Array;
const octetsOf = (content: Content): Bytes =>
  typeof content === "string" ? utf8Encode(content) : new Uint8Array(content);

export interface RarMember {
  /** Of version 4 also octets: a name, a NUL, and what makes it Unicode. */
  readonly name: Content;
  readonly content?: Content;
  readonly isCompressed?: boolean;
  readonly isEncrypted?: boolean;
  readonly isFolder?: boolean;
  /** Goes on in the next volume. */
  readonly isSplit?: boolean;
  /** What it says its size within the archive is. */
  readonly size?: number;
}
export interface RarOptions {
  readonly encryptedHeaders?: boolean;
  readonly endless?: boolean;
}

const little = (value: number, octets: number) =>
  Array.from({ length: octets }, (_, i) => Math.floor(value / 256 ** i) % 256);

export function rar4(members: readonly RarMember[], { encryptedHeaders, endless }: RarOptions = {}): Bytes {
  const block = (type: number, flags: number, fields: readonly number[]) => {
    const head = Uint8Array.from([type, ...little(flags, 2), ...little(7 + fields.length, 2), ...fields]);
    return [...little(crc32(head) & 0xffff, 2), ...head];
  };
  const parts = members.flatMap((member) => {
    const content = octetsOf(member.content ?? "");
    const name = octetsOf(member.name);
    const flags = 0x8000 | (member.isEncrypted ? 4 : 0) | (member.isFolder ? 0xe0 : 0) | (member.isSplit ? 2 : 0) |
      (name.includes(0) ? 0x200 : 0);
    const size = member.size ?? content.length;
    const fields = [
      ...[...little(size, 4), ...little(content.length, 4), 3, ...little(0, 8), 29, member.isCompressed ? 0x33 : 0x30],
      ...[...little(name.length, 2), ...little(0, 4), ...name],
    ];
    return [Uint8Array.from(block(0x74, flags, fields)), content];
  });
  return concat([
    utf8Encode("Rar!\x1a\x07\0"),
    Uint8Array.from(block(0x73, encryptedHeaders ? 0x80 : 0, little(0, 6))),
    ...parts,
    Uint8Array.from(endless ? [] : block(0x7b, 0x4000, [])),
  ]);
}

export function rar5(members: readonly RarMember[], { encryptedHeaders, endless }: RarOptions = {}): Bytes {
  const block = (fields: readonly number[]) => {
    const head = Uint8Array.from([...sevenBits(fields.length), ...fields]);
    return concat([Uint8Array.from(little(crc32(head), 4)), head]);
  };
  const parts = members.flatMap((member) => {
    const content = octetsOf(member.content ?? "");
    const name = octetsOf(member.name);
    const extra = member.isEncrypted ? [3, 1, 0, 0] : [2, 3, 0];
    const head = [
      ...[2, 3 | (member.isSplit ? 0x10 : 0), extra.length, ...sevenBits(member.size ?? content.length)],
      ...[member.isFolder ? 1 : 6, ...sevenBits(content.length), 0, ...little(0, member.isFolder ? 0 : 8)],
      ...[...sevenBits(member.isCompressed ? 3 << 7 : 0), 1, ...sevenBits(name.length), ...name, ...extra],
    ];
    return [block(head), content];
  });
  return concat([
    Uint8Array.of(0x52, 0x61, 0x72, 0x21, 0x1a, 7, 1, 0),
    encryptedHeaders ? block([4, 0, 0, 0, 15]) : block([1, 0, 0]),
    ...parts,
    endless ? new Uint8Array(0) : block([5, 0, 0]),
  ]);
}

/** LZW. `widest`: bits of the longest code. `clearAt`: the number of codes at which it begins anew. */
export function compress(content: Content, widest = 16, clearAt = Infinity): Bytes {
  const octets = octetsOf(content);
  const out = [0x1f, 0x9d, 0x80 | widest];
  const codes = new Map<string, number>();
  let free = 257;
  let width = 9;
  let group: number[] = [];
  const flush = () => {
    const bits = group.map((code) => code.toString(2).padStart(width, "0")).reverse().join("");
    const padded = bits.padStart(Math.ceil(bits.length / 8) * 8, "0");
    for (let i = padded.length; i > 0; i -= 8) out.push(parseInt(padded.slice(i - 8, i), 2));
    group = [];
  };
  const put = (code: number) => {
    group.push(code);
    if (group.length === 8) flush();
  };
  /** A group whose length changes is filled up. */
  const widen = () => {
    while (group.length > 0) put(0);
  };
  let before = "";
  let first = true;
  for (const octet of octets) {
    const longer = before + String.fromCharCode(octet);
    if (longer.length === 1 || codes.has(longer)) {
      before = longer;
      continue;
    }
    put(before.length === 1 ? before.charCodeAt(0) : codes.get(before)!);
    // The reader knows a code one step later.
    if (!first && free === 1 << width && width < widest) {
      widen();
      width++;
    }
    first = false;
    if (free < 1 << widest) codes.set(longer, free++);
    before = String.fromCharCode(octet);
    if (free < clearAt) continue;
    put(256);
    widen();
    codes.clear();
    [free, width, first] = [257, 9, true];
  }
  if (before !== "") put(before.length === 1 ? before.charCodeAt(0) : codes.get(before)!);
  if (group.length > 0) flush();
  return Uint8Array.from(out);
}

/** Blocks of up to 20 000 octets, all codes of one length; slow. */
export function bzip2(content: Content): Bytes {
  const octets = octetsOf(content);
  let bits = "";
  const out: number[] = [];
  const put = (value: number, count: number) => {
    bits += value.toString(2).padStart(count, "0");
    while (bits.length >= 8) {
      out.push(parseInt(bits.slice(0, 8), 2));
      bits = bits.slice(8);
    }
  };
  const put48 = (value: number) => {
    put(Math.floor(value / 2 ** 24), 24);
    put(value % 2 ** 24, 24);
  };
  for (const octet of utf8Encode("BZh1")) put(octet, 8);
  for (let at = 0; at < octets.length; at += 20_000) {
    const run = runs(octets.subarray(at, at + 20_000));
    const order = Array.from(run.keys()).sort((a, b) => rotationOrder(run, a, b));
    const last = order.map((start) => run[(start + run.length - 1) % run.length]!);
    const used = [...new Set(run)].sort((a, b) => a - b);
    put48(0x314159265359);
    put(0, 32);
    put(0, 1);
    put(order.indexOf(0), 24);
    const ranges = Array.from({ length: 16 }, (_, i) => used.filter((octet) => octet >> 4 === i));
    put(parseInt(ranges.map((range) => range.length > 0 ? "1" : "0").join(""), 2), 16);
    for (const range of ranges) {
      if (range.length > 0) put(range.reduce((sum, octet) => sum + (0x8000 >> (octet & 15)), 0), 16);
    }
    const symbols = movesToFront(last, used);
    const length = Math.ceil(Math.log2(used.length + 2));
    const groups = Math.ceil(symbols.length / 50);
    put(2, 3);
    put(groups, 15);
    // Both tables are the same; they take turns.
    for (let i = 0; i < groups; i++) i === 0 ? put(0, 1) : put(0b10, 2);
    for (let table = 0; table < 2; table++) {
      put(length, 5);
      for (let i = 0; i < used.length + 2; i++) put(0, 1);
    }
    for (const symbol of symbols) put(symbol, length);
  }
  put48(0x177245385090);
  put(0, 32);
  put(0, 7);
  return Uint8Array.from(out);
}

/** Four alike are followed by how many more there are. */
function runs(octets: Bytes): number[] {
  const out: number[] = [];
  for (let at = 0; at < octets.length;) {
    let alike = 1;
    while (alike < 259 && at + alike < octets.length && octets[at + alike] === octets[at]) alike++;
    for (let i = 0; i < Math.min(4, alike); i++) out.push(octets[at]!);
    if (alike >= 4) out.push(alike - 4);
    at += alike;
  }
  return out;
}

function rotationOrder(octets: readonly number[], a: number, b: number): number {
  for (let i = 0; i < octets.length; i++) {
    const difference = octets[(a + i) % octets.length]! - octets[(b + i) % octets.length]!;
    if (difference !== 0) return difference;
  }
  return a - b;
}

function movesToFront(octets: readonly number[], used: readonly number[]): number[] {
  const recent = [...used];
  const symbols: number[] = [];
  let zeros = 0;
  const endRun = () => {
    for (; zeros > 0; zeros = (zeros - 1) >> 1) symbols.push(zeros % 2 === 1 ? 0 : 1);
  };
  for (const octet of octets) {
    const place = recent.indexOf(octet);
    if (place === 0) {
      zeros++;
      continue;
    }
    endRun();
    symbols.push(place + 1);
    recent.splice(place, 1);
    recent.unshift(octet);
  }
  endRun();
  symbols.push(used.length + 1);
  return symbols;
}
