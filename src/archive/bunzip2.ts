/**
 * bzip2, stream after stream. No package reads it as a stream without native code.
 *
 * Memory: five octets for each of a block's, 900 000 at most. Throws an {@linkcode ArchiveFault} for octets that are no bzip2, or end early; checksums are
 * not looked at.
 */
import { type Bytes, EMPTY } from "../base/bytes.ts";
import { ByteReader } from "./byte_reader.ts";
import { ArchiveFault, damaged } from "./fault.ts";

/** π and its root, which begin a block and end a stream. */
const BLOCK = 0x314159265359;
const END = 0x177245385090;
/** Symbols that one of the tables is used for. */
const GROUP = 50;
const LONGEST_CODE = 20;
const STRETCH = 32 * 1024;

export async function* bunzip2(octets: AsyncIterable<Bytes>): AsyncGenerator<Bytes, void, undefined> {
  const bits = new Bits(new ByteReader(octets));
  for (let first = true;; first = false) {
    await bits.have(4, first);
    // What follows the last stream and is none is passed over.
    if (!first && !bits.startsStream()) return;
    bits.take(24);
    const size = 100_000 * (bits.take(8) - 0x30);
    if (size < 100_000 || size > 900_000) throw damaged("has blocks of an impossible size");
    const table = new Uint32Array(size);
    for (;;) {
      await bits.have(10);
      const mark = bits.take(24) * 2 ** 24 + bits.take(24);
      bits.take(32);
      if (mark === END) break;
      if (mark !== BLOCK) throw damaged("has an impossible block");
      yield* block(bits, table);
    }
    bits.align();
  }
}

async function* block(bits: Bits, table: Uint32Array): AsyncGenerator<Bytes, void, undefined> {
  await bits.have(64);
  if (bits.take(1) === 1) throw new ArchiveFault("unknown", "is written by a very old bzip2");
  const start = bits.take(24);
  const used = symbolsUsed(bits);
  const tables = await readTables(bits, used.length + 2);
  const count = await readSymbols(bits, used, tables, table);
  if (start >= count) throw damaged("has an impossible block");
  yield* turned(table, count, start);
}

/** Octets that the block has, in order. */
function symbolsUsed(bits: Bits): number[] {
  const ranges = bits.take(16);
  const used: number[] = [];
  for (let range = 0; range < 16; range++) {
    if ((ranges & (0x8000 >> range)) === 0) continue;
    const members = bits.take(16);
    for (let i = 0; i < 16; i++) if ((members & (0x8000 >> i)) !== 0) used.push(16 * range + i);
  }
  if (used.length === 0) throw damaged("has an impossible block");
  return used;
}

interface Tables {
  readonly selectors: Uint8Array;
  readonly codes: readonly Code[];
}
/** A canonical Huffman code: symbols by length and number. */
interface Code {
  /** By length: the largest code of it; −1 where there is none. */
  readonly limit: Int32Array;
  /** By length: what to take from a code to have its place in `symbols`. */
  readonly base: Int32Array;
  readonly symbols: Uint16Array;
}

async function readTables(bits: Bits, alphabet: number): Promise<Tables> {
  await bits.have(8);
  const groups = bits.take(3);
  const count = bits.take(15);
  if (groups < 2 || groups > 6 || count === 0) throw damaged("has impossible tables");
  const order = Array.from({ length: groups }, (_, i) => i);
  const selectors = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    await bits.have(1);
    let place = 0;
    while (bits.take(1) === 1) if (++place >= groups) throw damaged("has impossible tables");
    const [chosen] = order.splice(place, 1);
    order.unshift(chosen!);
    selectors[i] = chosen!;
  }
  const codes: Code[] = [];
  for (let group = 0; group < groups; group++) {
    await bits.have(1);
    let length = bits.take(5);
    const lengths = new Uint8Array(alphabet);
    for (let symbol = 0; symbol < alphabet; symbol++) {
      for (;;) {
        await bits.have(1);
        if (length < 1 || length > LONGEST_CODE) throw damaged("has impossible tables");
        if (bits.take(1) === 0) break;
        length += bits.take(1) === 0 ? 1 : -1;
      }
      lengths[symbol] = length;
    }
    codes.push(codeOf(lengths));
  }
  return { selectors, codes };
}

function codeOf(lengths: Uint8Array): Code {
  const limit = new Int32Array(LONGEST_CODE + 1).fill(-1);
  const base = new Int32Array(LONGEST_CODE + 1);
  const symbols: number[] = [];
  let code = 0;
  for (let length = 1; length <= LONGEST_CODE; length++) {
    base[length] = code - symbols.length;
    for (const [symbol, own] of lengths.entries()) {
      if (own !== length) continue;
      symbols.push(symbol);
      limit[length] = code++;
    }
    code <<= 1;
  }
  return { limit, base, symbols: Uint16Array.from(symbols) };
}

/** Runs and places in the list of recent octets, as octets; in the low part of `table`. */
async function readSymbols(bits: Bits, used: readonly number[], { selectors, codes }: Tables, table: Uint32Array) {
  const size = table.length;
  const recent = Uint8Array.from(used);
  const end = used.length + 1;
  let count = 0;
  let run = 0;
  let weight = 1;
  const endRun = () => {
    if (count + run > size) throw damaged("has a block that is too long");
    table.fill(recent[0]!, count, count + run);
    count += run;
    run = 0;
    weight = 1;
  };
  for (const selector of selectors) {
    await bits.have(GROUP * LONGEST_CODE / 8);
    const code = codes[selector]!;
    for (let i = 0; i < GROUP; i++) {
      const symbol = bits.symbol(code);
      if (symbol <= 1) {
        run += weight << symbol;
        weight <<= 1;
        if (run > size) throw damaged("has a block that is too long");
        continue;
      }
      if (run > 0) endRun();
      if (symbol === end) return count;
      const octet = recent[symbol - 1]!;
      recent.copyWithin(1, 0, symbol - 1);
      recent[0] = octet;
      if (count === size) throw damaged("has a block that is too long");
      table[count++] = octet;
    }
  }
  throw damaged("has a block without an end");
}

/** The Burrows–Wheeler transform undone, then runs of four and more. */
async function* turned(table: Uint32Array, count: number, start: number): AsyncGenerator<Bytes, void, undefined> {
  const places = new Uint32Array(256);
  for (let i = 0; i < count; i++) places[table[i]! & 255]!++;
  for (let octet = 0, sum = 0; octet < 256; octet++) {
    const many = places[octet]!;
    places[octet] = sum;
    sum += many;
  }
  for (let i = 0; i < count; i++) {
    const octet = table[i]! & 255;
    const place = places[octet]!++;
    table[place]! |= i << 8;
  }
  let at = table[start]! >>> 8;
  let made = new Uint8Array(STRETCH + 256);
  let length = 0;
  let alike = 0;
  let before = -1;
  for (let i = 0; i < count; i++) {
    const entry = table[at]!;
    const octet = entry & 255;
    at = entry >>> 8;
    if (alike === 4) {
      made.fill(before, length, length + octet);
      length += octet;
      alike = 0;
      before = -1;
    } else {
      alike = octet === before ? alike + 1 : 1;
      before = octet;
      made[length++] = octet;
    }
    if (length >= STRETCH) {
      yield made.subarray(0, length);
      made = new Uint8Array(STRETCH + 256);
      length = 0;
    }
  }
  if (length > 0) yield made.subarray(0, length);
}

/** Bits, the highest of an octet first. */
class Bits {
  readonly #reader: ByteReader;
  #octets: Bytes = EMPTY;
  /** Octet, and bit of it. */
  #at = 0;
  #bit = 0;

  constructor(reader: ByteReader) {
    this.#reader = reader;
  }

  /** Makes room for taking up to so many octets; that they are there shows when they are taken. */
  have(octets: number, must = true): undefined | Promise<void> {
    if (this.#octets.length - this.#at > octets + 1) return undefined;
    return this.#fill(must);
  }

  async #fill(must: boolean): Promise<void> {
    await this.#reader.skip(this.#at);
    this.#at = 0;
    this.#octets = await this.#reader.peek(4096);
    if (this.#octets.length === 0 && must) throw damaged("ends too early");
  }

  startsStream(): boolean {
    return [0x42, 0x5a, 0x68].every((octet, i) => this.#octets[this.#at + i] === octet);
  }

  align(): void {
    if (this.#bit === 0) return;
    this.#bit = 0;
    this.#at++;
  }

  take(count: number): number {
    let value = 0;
    for (let left = count; left > 0;) {
      const octet = this.#octets[this.#at];
      if (octet === undefined) throw damaged("ends too early");
      const here = Math.min(left, 8 - this.#bit);
      value = value * 2 ** here + ((octet >> (8 - this.#bit - here)) & ((1 << here) - 1));
      this.#bit += here;
      left -= here;
      if (this.#bit === 8) {
        this.#bit = 0;
        this.#at++;
      }
    }
    return value;
  }

  symbol({ limit, base, symbols }: Code): number {
    let code = 0;
    for (let length = 1; length <= LONGEST_CODE; length++) {
      const octet = this.#octets[this.#at];
      if (octet === undefined) throw damaged("ends too early");
      code = (code << 1) | ((octet >> (7 - this.#bit)) & 1);
      if (++this.#bit === 8) {
        this.#bit = 0;
        this.#at++;
      }
      if (code <= limit[length]!) {
        const symbol = symbols[code - base[length]!];
        if (symbol === undefined) break;
        return symbol;
      }
    }
    throw damaged("has an impossible code");
  }
}
