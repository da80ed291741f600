/** Places of records as a column of numbers: by row, which segment, where in it, and how long. */
import { grown } from "../base/grown.ts";
import type { Place } from "./queued.ts";

export class PlaceColumn<S> {
  readonly #segments: (S | undefined)[] = [];
  readonly #numbers = new Map<S, number>();
  /** How many rows lie in each. */
  #counts = new Uint32Array(0);
  readonly #free: number[] = [];
  /** By row: number of its segment + 1; 0 for nowhere. */
  #which = new Uint32Array(0);
  #offsets = new Float64Array(0);
  #lengths = new Uint32Array(0);
  /** Octets of all the records. */
  total = 0;
  #lastSegment: S | undefined = undefined;
  #lastNumber = -1;

  get bytes(): number {
    return [this.#which, this.#offsets, this.#lengths].reduce((sum, column) => sum + column.byteLength, 0);
  }

  set(row: number, segment: S, offset: number, length: number): void {
    if (row >= this.#which.length) {
      this.#which = grown(this.#which, row + 1);
      this.#offsets = grown(this.#offsets, row + 1);
      this.#lengths = grown(this.#lengths, row + 1);
    }
    const number = this.#numberOf(segment);
    this.#counts[number]!++;
    this.clear(row);
    this.#which[row] = number + 1;
    this.#offsets[row] = offset;
    this.#lengths[row] = length;
    this.total += length;
  }

  clear(row: number): void {
    const number = (this.#which[row] ?? 0) - 1;
    if (number < 0) return;
    this.#which[row] = 0;
    this.total -= this.#lengths[row]!;
    if (--this.#counts[number]! > 0) return;
    // A segment that nobody lies in any more may be gone for good.
    this.#numbers.delete(this.#segments[number]!);
    this.#segments[number] = undefined;
    this.#free.push(number);
    if (this.#lastNumber === number) this.#lastNumber = -1;
  }

  get(row: number): Place<S> | undefined {
    const number = (this.#which[row] ?? 0) - 1;
    if (number < 0) return undefined;
    return { segment: this.#segments[number]!, offset: this.#offsets[row]!, length: this.#lengths[row]! };
  }

  /** Rows that lie in a segment. Looks at every row there is. */
  rowsIn(segment: S): number[] {
    const number = this.#numbers.get(segment);
    if (number === undefined) return [];
    const rows: number[] = [];
    for (let row = 0; row < this.#which.length; row++) if (this.#which[row] === number + 1) rows.push(row);
    return rows;
  }

  #numberOf(segment: S): number {
    if (segment === this.#lastSegment && this.#lastNumber >= 0) return this.#lastNumber;
    let number = this.#numbers.get(segment);
    if (number === undefined) {
      number = this.#free.pop() ?? this.#segments.length;
      this.#segments[number] = segment;
      this.#numbers.set(segment, number);
      this.#counts = grown(this.#counts, number + 1);
      this.#counts[number] = 0;
    }
    this.#lastSegment = segment;
    return this.#lastNumber = number;
  }
}
