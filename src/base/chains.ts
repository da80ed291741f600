/**
 * Many lists of small numbers, each number in one list at most: taking one out and putting one at a list's end are a few writes to typed arrays.
 */
import { grown } from "./grown.ts";

export class Chains {
  /** By list: its first and last, + 1; 0 where it is empty. */
  #firsts = new Uint32Array(0);
  #lasts = new Uint32Array(0);
  #counts = new Uint32Array(0);
  /** By number: who stands before and behind it, + 1; 0 for nobody. */
  #before = new Uint32Array(0);
  #behind = new Uint32Array(0);

  get bytes(): number {
    return [this.#firsts, this.#lasts, this.#counts, this.#before, this.#behind].reduce(
      (sum, column) => sum + column.byteLength,
      0,
    );
  }

  push(list: number, number: number): void {
    if (list >= this.#firsts.length) {
      this.#firsts = grown(this.#firsts, list + 1);
      this.#lasts = grown(this.#lasts, list + 1);
      this.#counts = grown(this.#counts, list + 1);
    }
    if (number >= this.#before.length) {
      this.#before = grown(this.#before, number + 1);
      this.#behind = grown(this.#behind, number + 1);
    }
    const last = this.#lasts[list]!;
    this.#before[number] = last;
    this.#behind[number] = 0;
    if (last === 0) this.#firsts[list] = number + 1;
    else this.#behind[last - 1] = number + 1;
    this.#lasts[list] = number + 1;
    this.#counts[list]!++;
  }

  /** `number` must be in `list`. */
  remove(list: number, number: number): void {
    const before = this.#before[number]!;
    const behind = this.#behind[number]!;
    if (before === 0) this.#firsts[list] = behind;
    else this.#behind[before - 1] = behind;
    if (behind === 0) this.#lasts[list] = before;
    else this.#before[behind - 1] = before;
    this.#counts[list]!--;
  }

  count(list: number): number {
    return this.#counts[list] ?? 0;
  }

  /** Those in a list now, in their order. */
  numbers(list: number): Uint32Array {
    const found = new Uint32Array(this.count(list));
    let at = 0;
    for (let next = this.#firsts[list] ?? 0; next !== 0; next = this.#behind[next - 1]!) found[at++] = next - 1;
    return found;
  }
}
