/** Seeded randomness and mutations: the same seed gives the same inputs everywhere. */

export interface Random {
  /** An integer from 0 to `n` - 1. */
  below(n: number): number;
  pick<T>(from: readonly T[]): T;
}

/** mulberry32: 32 bits of state, good enough to shuffle bytes. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const below = (n: number): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return Math.floor((((x ^ (x >>> 14)) >>> 0) / 4294967296) * n);
  };
  return { below, pick: (from) => from[below(from.length)]! };
}

/** Longest input that mutation makes. */
const MAX_LENGTH = 4096;

/** One to six small changes; `words` are what the target likes to stumble over. */
export function mutate(
  input: Uint8Array,
  random: Random,
  words: readonly Uint8Array[],
  corpus: readonly Uint8Array[],
): Uint8Array {
  let out = Array.from(input);
  for (let n = 1 + random.below(6); n > 0; n--) {
    const at = random.below(out.length + 1);
    switch (random.below(7)) {
      case 0:
        out.splice(at, 0, random.below(256));
        break;
      case 1:
        out.splice(at, 1 + random.below(8));
        break;
      case 2:
        if (at < out.length) out[at] = out[at]! ^ (1 << random.below(8));
        break;
      case 3: { // repeat a stretch
        const piece = out.slice(at, at + 1 + random.below(32));
        for (let k = 1 + random.below(4); k > 0; k--) out.splice(at, 0, ...piece);
        break;
      }
      case 4: { // go on as another input does
        const other = random.pick(corpus);
        out = [...out.slice(0, at), ...other.subarray(random.below(other.length + 1))];
        break;
      }
      default:
        if (words.length > 0) out.splice(at, 0, ...random.pick(words));
    }
  }
  return Uint8Array.from(out.slice(0, MAX_LENGTH));
}

/** The input in pieces, cut at random places. */
export function cutUp(input: Uint8Array, random: Random): Uint8Array[] {
  const longest = random.pick([1, 2, 3, 8, 64, 1024]);
  const pieces: Uint8Array[] = [];
  for (let i = 0; i < input.length;) {
    const to = i + 1 + random.below(longest);
    pieces.push(input.subarray(i, to));
    i = to;
  }
  return pieces;
}
