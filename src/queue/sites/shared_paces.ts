/**
 * Rates that several workers keep together: for each site with one, the time at which its bucket is full (`pace.ts`), in memory that all see.
 *
 * A site has a cell of its own while there are some left near its hash; then it shares one of those at the end with others, and they have a rate
 * together: no rate is ever exceeded. What a worker that died took stays taken.
 */
import { emptyAt, type Pace, step } from "./pace.ts";

const CELLS = 32_768;
/** At the end, for sites that find none of their own. */
const COMMON = 1_024;
const OWN = CELLS - COMMON;
const PROBES = 32;
/** Times are kept in microseconds. */
const SCALE = 1_000;

/** Keys, then times. */
export function paceMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(2 * CELLS * BigInt64Array.BYTES_PER_ELEMENT);
}

export class SharedPaces {
  readonly #keys: BigInt64Array;
  readonly #times: BigInt64Array;

  constructor(memory: SharedArrayBuffer) {
    this.#keys = new BigInt64Array(memory, 0, CELLS);
    this.#times = new BigInt64Array(memory, CELLS * BigInt64Array.BYTES_PER_ELEMENT, CELLS);
  }

  /** 0, and one more counts as gone; else how many milliseconds to wait before it is asked again. */
  take(name: string, pace: Pace, now: number): number {
    const cell = this.#cellOf(name);
    for (;;) {
      const found = Atomics.load(this.#times, cell);
      const fullAt = found === 0n ? emptyAt(now, pace) : Number(found) / SCALE;
      const went = step(fullAt, now, pace);
      const then = "waitMs" in went ? fullAt : went.fullAt;
      // A site that has to wait has its beginning written down.
      if ("waitMs" in went && found !== 0n) return went.waitMs;
      // Rounded up: never before its time.
      if (Atomics.compareExchange(this.#times, cell, found, BigInt(Math.ceil(then * SCALE))) !== found) continue;
      return "waitMs" in went ? went.waitMs : 0;
    }
  }

  #cellOf(name: string): number {
    const low = hash(name, 0x811c9dc5);
    const key = BigInt.asIntN(64, (BigInt(hash(name, 0x9e3779b9)) << 32n) | BigInt(low)) || 1n;
    for (let probe = 0; probe < PROBES; probe++) {
      const cell = (low + probe) % OWN;
      const found = Atomics.load(this.#keys, cell);
      if (found === key) return cell;
      if (found !== 0n) continue;
      const claimed = Atomics.compareExchange(this.#keys, cell, 0n, key);
      if (claimed === 0n || claimed === key) return cell;
    }
    return OWN + low % COMMON;
  }
}

/** FNV-1a, from a beginning of one's own. */
function hash(name: string, from: number): number {
  let value = from;
  for (let i = 0; i < name.length; i++) value = Math.imul(value ^ name.charCodeAt(i), 0x01000193);
  return value >>> 0;
}
