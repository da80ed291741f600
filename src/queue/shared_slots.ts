/**
 * Delivery slots that several workers share: a table of counts in memory that all of them see, so that limits in total and for each
 * destination hold for all of them together, at the price of two atomic additions for an attempt.
 *
 * A destination has the cell its name hashes to: two that meet in one cell share the narrower of their limits, and no limit is ever exceeded.
 * Each worker also keeps its own counts, so that those of a worker that died can be given back ({@linkcode forfeit}). Nobody takes more
 * than an even share while another is waiting.
 */
/** What holds for all workers together. */
export interface SlotLimits {
  readonly concurrencyMax: number;
  readonly perDestination: number;
}

/** Destinations have cells 1 … CELLS − 1; cell 0 counts them all. */
const CELLS = 8192;
const TOTAL = 0;

export interface Slots {
  /** How many share them. */
  readonly workers: number;
  /** Undefined when it was taken; else which limit is in the way, and others are told that somebody waits. */
  take(domain: string, limits: SlotLimits): "total" | "domain" | undefined;
  give(domain: string): void;
  /** Nobody waits any more; for this domain, or at all. */
  unwant(domain?: string): void;
}

/** Rows: all workers' counts together; each worker's own; whether each waits. */
export function slotMemory(workers: number): SharedArrayBuffer {
  return new SharedArrayBuffer((1 + 2 * workers) * CELLS * Int32Array.BYTES_PER_ELEMENT);
}

const workersOf = (memory: SharedArrayBuffer) => (memory.byteLength / Int32Array.BYTES_PER_ELEMENT / CELLS - 1) / 2;

/** Gives back what a worker held, and forgets what it waited for. Call it once that worker runs no more. */
export function forfeit(memory: SharedArrayBuffer, worker: number): void {
  const table = new Int32Array(memory);
  const own = (1 + worker) * CELLS;
  const waits = own + workersOf(memory) * CELLS;
  for (let cell = 0; cell < CELLS; cell++) {
    const held = Atomics.exchange(table, own + cell, 0);
    if (held !== 0) Atomics.sub(table, cell, held);
    Atomics.store(table, waits + cell, 0);
  }
}

export class SharedSlots implements Slots {
  readonly #table: Int32Array;
  readonly workers: number;
  /** Where the row of our own counts begins. */
  readonly #own: number;
  /** Where the row of our own wishes begins; the first worker's is `#wishes`. */
  readonly #waits: number;
  readonly #wishes: number;

  /** `worker` counts from 0. */
  constructor(memory: SharedArrayBuffer, worker: number) {
    this.#table = new Int32Array(memory);
    this.workers = workersOf(memory);
    this.#own = (1 + worker) * CELLS;
    this.#wishes = (1 + this.workers) * CELLS;
    this.#waits = this.#wishes + worker * CELLS;
  }

  take(domain: string, { perDestination, concurrencyMax }: SlotLimits): "total" | "domain" | undefined {
    const cell = cellOf(domain);
    if (!this.#takeOne(cell, perDestination)) return "domain";
    if (this.#takeOne(TOTAL, concurrencyMax)) return undefined;
    this.#giveOne(cell);
    return "total";
  }

  give(domain: string): void {
    this.#giveOne(TOTAL);
    this.#giveOne(cellOf(domain));
  }

  unwant(domain?: string): void {
    if (domain !== undefined) return void Atomics.store(this.#table, this.#waits + cellOf(domain), 0);
    for (let cell = 0; cell < CELLS; cell++) Atomics.store(this.#table, this.#waits + cell, 0);
  }

  #takeOne(cell: number, limit: number): boolean {
    const table = this.#table;
    const held = Atomics.load(table, this.#own + cell);
    if (held >= Math.floor(limit / this.workers) && this.#othersWait(cell)) return this.#wait(cell);
    for (let count = Atomics.load(table, cell);;) {
      if (count >= limit) return this.#wait(cell);
      const found = Atomics.compareExchange(table, cell, count, count + 1);
      if (found === count) break;
      count = found;
    }
    Atomics.add(table, this.#own + cell, 1);
    Atomics.store(table, this.#waits + cell, 0);
    return true;
  }

  #giveOne(cell: number): void {
    Atomics.sub(this.#table, cell, 1);
    Atomics.sub(this.#table, this.#own + cell, 1);
  }

  #wait(cell: number): false {
    Atomics.store(this.#table, this.#waits + cell, 1);
    return false;
  }

  #othersWait(cell: number): boolean {
    for (let row = this.#wishes; row < this.#table.length; row += CELLS) {
      if (row !== this.#waits && Atomics.load(this.#table, row + cell) === 1) return true;
    }
    return false;
  }
}

/** FNV-1a over the name. */
function cellOf(domain: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < domain.length; i++) hash = Math.imul(hash ^ domain.charCodeAt(i), 0x01000193);
  return 1 + (hash >>> 0) % (CELLS - 1);
}
