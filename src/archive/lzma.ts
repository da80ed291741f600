/**
 * LZMA, as the public LZMA specification describes it, and LZMA2's chunks of it (as in xz and 7z), a bounded piece of output at a time.
 *
 * No package reads either as a stream without native code. Memory: the dictionary, 32 MiB at most and never more than the output; what needs more is
 * `unknown`. Throws an {@linkcode ArchiveFault} for octets that are no LZMA, or end early.
 */
import { type Bytes, EMPTY } from "../base/bytes.ts";
import type { ByteReader } from "./byte_reader.ts";
import { ArchiveFault, damaged } from "./fault.ts";

export interface LzmaSettings {
  /** lc, lp and pb in one octet; LZMA2 says it in its chunks. */
  readonly properties?: number;
  readonly dictionary: number;
  /** Octets that will come out; undefined when an end mark says so. */
  readonly size?: number | undefined;
}

const LARGEST_DICTIONARY = 32 * 1024 * 1024;
const SMALLEST_DICTIONARY = 4096;
/** Octets of output made at a stretch. */
const STRETCH = 32 * 1024;
/** No symbol takes more octets of input. */
const SYMBOL = 24;
const INPUT = 16 * 1024;
const HALF = 1024;
const TOP = 0x1000000;
const NO_DISTANCE = 0xffffffff;

/** A raw LZMA stream. */
export async function* unlzma(reader: ByteReader, settings: LzmaSettings): AsyncGenerator<Bytes, void, undefined> {
  const decoder = new Decoder(settings);
  decoder.setProperties(settings.properties ?? 0);
  decoder.begin(await reader.take(5));
  for (let left = settings.size ?? Infinity; left > 0;) {
    const input = await reader.peek(INPUT);
    const made = decoder.run(input, Math.min(left, STRETCH), input.length < INPUT);
    await reader.skip(decoder.used);
    if (made.length > 0) yield made;
    left -= made.length;
    if (decoder.ended) {
      if (left > 0 && left !== Infinity) throw damaged("ends too early");
      return;
    }
  }
}

export async function* unlzma2(reader: ByteReader, settings: LzmaSettings): AsyncGenerator<Bytes, void, undefined> {
  const decoder = new Decoder(settings);
  /** What the next chunk must begin anew: the dictionary, else at least the properties. */
  let needs: "dictionary" | "properties" | "nothing" = "dictionary";
  for (;;) {
    const control = (await reader.take(1))[0]!;
    if (control === 0) return;
    if (control < 0x80) {
      if (control > 2 || (control === 2 && needs === "dictionary")) throw damaged("has an impossible chunk");
      const head = await reader.take(2);
      if (control === 1) decoder.forget();
      if (needs === "dictionary") needs = "properties";
      for (let left = head[0]! * 256 + head[1]! + 1; left > 0;) {
        const piece = await reader.next(left);
        if (piece === undefined) throw damaged("ends too early");
        decoder.store(piece);
        left -= piece.length;
        yield piece;
      }
      continue;
    }
    const head = await reader.take(4);
    const size = ((control & 0x1f) << 16) + head[0]! * 256 + head[1]! + 1;
    const packed = head[2]! * 256 + head[3]! + 1;
    const anew = (control >> 5) & 3;
    if ((needs === "dictionary" && anew < 3) || (needs === "properties" && anew < 2)) {
      throw damaged("has an impossible chunk");
    }
    if (anew === 3) decoder.forget();
    if (anew >= 2) decoder.setProperties((await reader.take(1))[0]!);
    else if (anew === 1) decoder.reset();
    needs = "nothing";
    const input = await reader.take(packed);
    decoder.begin(input.subarray(0, 5));
    let at = 5;
    for (let left = size; left > 0;) {
      const made = decoder.run(input.subarray(at), Math.min(left, STRETCH), true);
      at += decoder.used;
      if (made.length === 0 || decoder.ended) throw damaged("has an impossible chunk");
      left -= made.length;
      yield made;
    }
  }
}

class Lengths {
  readonly choice = probabilities(2);
  readonly low = probabilities(16 << 3);
  readonly middle = probabilities(16 << 3);
  readonly high = probabilities(256);
  reset(): void {
    for (const each of [this.choice, this.low, this.middle, this.high]) each.fill(HALF);
  }
}

class Decoder {
  /** Octets of input that the last run took. */
  used = 0;
  /** It has come to an end mark. */
  ended = false;
  /** Grows as it fills: what is said of its size may be a lie. */
  #dictionary: Bytes;
  readonly #largest: number;
  /** Where the next octet goes. */
  #at = 0;
  /** Octets since the dictionary was new. */
  #total = 0;
  #range = 0;
  #code = 0;
  #input: Bytes = EMPTY;
  #lc = 0;
  #lpMask = 0;
  #pbMask = 0;
  #state = 0;
  #rep0 = 0;
  #rep1 = 0;
  #rep2 = 0;
  #rep3 = 0;
  /** Octets of a match that did not fit in the output. */
  #pending = 0;
  #literal = probabilities(0x300);
  readonly #isMatch = probabilities(12 << 4);
  readonly #isRep = probabilities(12);
  readonly #isRep0 = probabilities(12);
  readonly #isRep1 = probabilities(12);
  readonly #isRep2 = probabilities(12);
  readonly #isRep0Long = probabilities(12 << 4);
  readonly #slot = probabilities(4 << 6);
  readonly #special = probabilities(128);
  readonly #align = probabilities(16);
  readonly #length = new Lengths();
  readonly #repLength = new Lengths();

  constructor({ dictionary, size = Infinity }: LzmaSettings) {
    this.#largest = Math.max(SMALLEST_DICTIONARY, Math.min(dictionary, size));
    this.#dictionary = new Uint8Array(SMALLEST_DICTIONARY);
  }

  setProperties(octet: number): void {
    if (octet >= 9 * 5 * 5) throw damaged("has impossible properties");
    this.#lc = octet % 9;
    const lp = Math.floor(octet / 9) % 5;
    this.#lpMask = (1 << lp) - 1;
    this.#pbMask = (1 << Math.floor(octet / 45)) - 1;
    const literals = 0x300 << (this.#lc + lp);
    if (this.#literal.length !== literals) this.#literal = probabilities(literals);
    this.reset();
  }

  reset(): void {
    this.#state =
      this.#rep0 =
      this.#rep1 =
      this.#rep2 =
      this.#rep3 =
        0;
    for (
      const each of [
        this.#literal,
        this.#isMatch,
        this.#isRep,
        this.#isRep0,
        this.#isRep1,
        this.#isRep2,
        this.#isRep0Long,
        this.#slot,
        this.#special,
        this.#align,
      ]
    ) each.fill(HALF);
    this.#length.reset();
    this.#repLength.reset();
  }

  /** A new dictionary. */
  forget(): void {
    this.#at = this.#total = 0;
  }

  /** The first five octets of a stream. */
  begin(head: Bytes): void {
    if (head.length < 5) throw damaged("ends too early");
    if (head[0] !== 0) throw damaged("is no LZMA");
    this.#range = NO_DISTANCE;
    this.#code = new DataView(head.buffer, head.byteOffset).getUint32(1);
    this.#pending = 0;
  }

  /** Octets that are not compressed. */
  store(octets: Bytes): void {
    for (const octet of octets) this.#put(octet);
  }

  /** Up to `most` octets; fewer when the input does not last, which is a fault when it is the last. */
  run(input: Bytes, most: number, isLast: boolean): Bytes {
    const made = new Uint8Array(most);
    this.#input = input;
    this.used = 0;
    let count = 0;
    while (count < most) {
      if (this.#pending > 0) {
        this.#pending--;
        count = this.#give(made, count, this.#back(this.#rep0));
        continue;
      }
      if (input.length - this.used < SYMBOL && !isLast) break;
      const position = this.#total & this.#pbMask;
      if (this.#bit(this.#isMatch, (this.#state << 4) + position) === 0) {
        count = this.#give(made, count, this.#literalOctet());
        this.#state = this.#state < 4 ? 0 : this.#state < 10 ? this.#state - 3 : this.#state - 6;
      } else if (!this.#match(position)) {
        this.ended = true;
        break;
      }
      if (this.used > input.length) throw damaged("ends too early");
    }
    return made.subarray(0, count);
  }

  #give(made: Bytes, count: number, octet: number): number {
    made[count] = octet;
    this.#put(octet);
    return count + 1;
  }

  #put(octet: number): void {
    this.#dictionary[this.#at++] = octet;
    if (this.#at === this.#dictionary.length) this.#turn();
    this.#total++;
  }

  /** Grows, or begins anew at the front. */
  #turn(): void {
    if (this.#at === this.#largest) this.#at = 0;
    else if (this.#at >= LARGEST_DICTIONARY) {
      throw new ArchiveFault("unknown", `needs a dictionary of ${this.#largest} octets`);
    } else {
      const grown = new Uint8Array(Math.min(this.#largest, 4 * this.#at));
      grown.set(this.#dictionary);
      this.#dictionary = grown;
    }
  }

  /** The octet `distance` + 1 ago. */
  #back(distance: number): number {
    const at = this.#at - distance - 1;
    return this.#dictionary[at < 0 ? at + this.#dictionary.length : at]!;
  }

  #literalOctet(): number {
    const before = this.#total === 0 ? 0 : this.#back(0);
    const base = 0x300 * (((this.#total & this.#lpMask) << this.#lc) + (before >> (8 - this.#lc)));
    let symbol = 1;
    if (this.#state >= 7) {
      let match = this.#back(this.#rep0);
      do {
        const expected = (match >> 7) & 1;
        match <<= 1;
        const bit = this.#bit(this.#literal, base + ((1 + expected) << 8) + symbol);
        symbol = (symbol << 1) | bit;
        if (bit !== expected) break;
      } while (symbol < 0x100);
    }
    while (symbol < 0x100) symbol = (symbol << 1) | this.#bit(this.#literal, base + symbol);
    return symbol & 0xff;
  }

  /** What is to be copied next; false for the end mark. */
  #match(position: number): boolean {
    const state = this.#state;
    if (this.#bit(this.#isRep, state) === 0) {
      [this.#rep3, this.#rep2, this.#rep1] = [this.#rep2, this.#rep1, this.#rep0];
      const length = this.#lengthOf(this.#length, position);
      this.#state = state < 7 ? 7 : 10;
      this.#rep0 = this.#distance(length);
      if (this.#rep0 === NO_DISTANCE) return false;
      this.#pending = length + 2;
    } else {
      let isShort = false;
      if (this.#bit(this.#isRep0, state) === 0) {
        isShort = this.#bit(this.#isRep0Long, (state << 4) + position) === 0;
      } else {
        let distance = this.#rep1;
        if (this.#bit(this.#isRep1, state) !== 0) {
          distance = this.#rep2;
          if (this.#bit(this.#isRep2, state) !== 0) {
            distance = this.#rep3;
            this.#rep3 = this.#rep2;
          }
          this.#rep2 = this.#rep1;
        }
        this.#rep1 = this.#rep0;
        this.#rep0 = distance;
      }
      this.#pending = isShort ? 1 : this.#lengthOf(this.#repLength, position) + 2;
      this.#state = isShort ? (state < 7 ? 9 : 11) : state < 7 ? 8 : 11;
    }
    if (this.#rep0 >= Math.min(this.#total, this.#dictionary.length)) throw damaged("refers to what is not there");
    return true;
  }

  #lengthOf({ choice, low, middle, high }: Lengths, position: number): number {
    if (this.#bit(choice, 0) === 0) return this.#tree(low, position << 3, 3);
    if (this.#bit(choice, 1) === 0) return 8 + this.#tree(middle, position << 3, 3);
    return 16 + this.#tree(high, 0, 8);
  }

  #distance(length: number): number {
    const slot = this.#tree(this.#slot, Math.min(length, 3) << 6, 6);
    if (slot < 4) return slot;
    const bits = (slot >> 1) - 1;
    const base = (2 | (slot & 1)) * 2 ** bits;
    if (slot < 14) return base + this.#reverse(this.#special, base - slot, bits);
    let direct = 0;
    for (let i = bits - 4; i > 0; i--) {
      this.#range = this.#range >>> 1;
      const one = this.#code >= this.#range;
      if (one) this.#code -= this.#range;
      direct = direct * 2 + Number(one);
      this.#normalize();
    }
    return base + direct * 16 + this.#reverse(this.#align, 0, 4);
  }

  #tree(table: Uint16Array, base: number, bits: number): number {
    let node = 1;
    for (let i = 0; i < bits; i++) node = (node << 1) | this.#bit(table, base + node);
    return node - (1 << bits);
  }

  #reverse(table: Uint16Array, base: number, bits: number): number {
    let node = 1;
    let value = 0;
    for (let i = 0; i < bits; i++) {
      const bit = this.#bit(table, base + node);
      node = (node << 1) | bit;
      value |= bit << i;
    }
    return value;
  }

  #bit(table: Uint16Array, index: number): 0 | 1 {
    const probability = table[index]!;
    const bound = (this.#range >>> 11) * probability;
    if (this.#code < bound) {
      this.#range = bound;
      table[index] = probability + ((2048 - probability) >> 5);
      this.#normalize();
      return 0;
    }
    this.#range -= bound;
    this.#code -= bound;
    table[index] = probability - (probability >> 5);
    this.#normalize();
    return 1;
  }

  #normalize(): void {
    if (this.#range >= TOP) return;
    this.#range = (this.#range << 8) >>> 0;
    // Behind the end zeros come: whoever runs the decoder looks at `used`.
    this.#code = ((this.#code << 8) | (this.#input[this.used++] ?? 0)) >>> 0;
  }
}

function probabilities(count: number): Uint16Array {
  return new Uint16Array(count).fill(HALF);
}
