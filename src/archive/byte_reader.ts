/**
 * Reads pieces of octets as if they were one stream: so many at a time, whatever the pieces' sizes.
 *
 * Holds what was looked at ahead, and no more than one piece beside it. `take` and `skip` throw an {@linkcode ArchiveFault} where there is too
 * little. What the source throws passes through; a fault of the archive does once the octets in front of it have been used up. `onTake` hears how many octets were used up, not those only looked at.
 */
import { type Bytes, concat, EMPTY } from "../base/bytes.ts";
import { ArchiveFault, damaged } from "./fault.ts";

export interface ByteReaderOptions {
  readonly onTake?: ((octets: number) => void) | undefined;
  /** Awaited in front of each piece: where to rest, and to give up. */
  readonly pace?: (() => void | Promise<void>) | undefined;
}

export class ByteReader {
  /** Octets used up so far. */
  taken = 0;
  readonly #source: AsyncIterator<Bytes, unknown, undefined>;
  readonly #options: ByteReaderOptions;
  #held: Bytes = EMPTY;
  #ended = false;
  /** How it ended, if not well. */
  #fault: ArchiveFault | undefined;

  constructor(source: AsyncIterable<Bytes>, options: ByteReaderOptions = {}) {
    this.#source = source[Symbol.asyncIterator]();
    this.#options = options;
  }

  /** The fault that will be thrown behind what has been looked at. */
  get fault(): ArchiveFault | undefined {
    return this.#fault;
  }

  /** The next octets, which stay; fewer than asked for at the end only. Throws where there is none, but a fault. */
  async peek(length: number): Promise<Bytes> {
    await this.#fill(length);
    if (this.#held.length === 0 && this.#fault !== undefined) throw this.#fault;
    return this.#held.subarray(0, length);
  }

  async take(length: number): Promise<Bytes> {
    await this.#fill(length);
    if (this.#held.length < length) throw this.#fault ?? damaged("ends too early");
    return this.#use(length);
  }

  async skip(length: number): Promise<void> {
    for (let left = length; left > 0;) {
      const piece = await this.next(left);
      if (piece === undefined) throw damaged("ends too early");
      left -= piece.length;
    }
  }

  /** What is there, up to `most`, and at least one; undefined at the end. */
  async next(most = Infinity): Promise<Bytes | undefined> {
    await this.#fill(1);
    if (this.#held.length === 0 && this.#fault !== undefined) throw this.#fault;
    return this.#held.length === 0 ? undefined : this.#use(Math.min(most, this.#held.length));
  }

  /** All that is left. */
  async *rest(): AsyncGenerator<Bytes, void, undefined> {
    for (let piece = await this.next(); piece !== undefined; piece = await this.next()) yield piece;
  }

  /** No more is wanted: the source may let go of what it holds. */
  async close(): Promise<void> {
    this.#ended = true;
    this.#held = EMPTY;
    this.#fault = undefined;
    await this.#source.return?.();
  }

  #use(length: number): Bytes {
    const taken = this.#held.subarray(0, length);
    this.#held = this.#held.subarray(length);
    this.taken += length;
    this.#options.onTake?.(length);
    return taken;
  }

  async #fill(length: number): Promise<void> {
    if (this.#held.length >= length || this.#ended) return;
    const parts = [this.#held];
    for (let have = this.#held.length; have < length;) {
      await this.#options.pace?.();
      const { done, value } = await this.#pull();
      if (done) {
        this.#ended = true;
        break;
      }
      parts.push(value);
      have += value.length;
    }
    this.#held = parts.length === 1 ? parts[0]! : concat(parts);
  }

  async #pull(): Promise<IteratorResult<Bytes, unknown>> {
    try {
      return await this.#source.next();
    } catch (fault) {
      if (!(fault instanceof ArchiveFault)) throw fault;
      this.#fault = fault;
      return { done: true, value: undefined };
    }
  }
}
