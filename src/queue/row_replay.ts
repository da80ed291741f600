/**
 * Most records of a start, straight from their octets into rows: no JSON, no objects. What is unusual (`scan.ts`), and whatever concerns a message
 * that no row can hold, is left to `Ledger.apply`.
 */
import { LONGEST_IN_ARENA } from "../base/arena.ts";
import { utf8Decode } from "../base/bytes.ts";
import { HELD, WAITING } from "./item_rows.ts";
import { ItemText } from "./item_text.ts";
import type { Ledger } from "./ledger.ts";
import type { Place } from "./queued.ts";
import type { Kind } from "./record.ts";
import { type ScannedState, Scanner } from "./scan.ts";

/** A longer JSON may hold a text that no arena takes. */
const LONGEST_JSON = LONGEST_IN_ARENA / 2;

export class RowReplay<S> {
  readonly #ledger: Ledger<S>;
  readonly #scan = new Scanner();
  readonly #text = new ItemText();
  readonly #left: number[][] = [];

  constructor(ledger: Ledger<S>) {
    this.#ledger = ledger;
  }

  apply(kind: Kind, bytes: Uint8Array, from: number, to: number, place: Place<S>): boolean {
    if (to - from > LONGEST_JSON) return false;
    if (kind === "outcome") return this.#scan.outcome(bytes, from, to) && this.#outcome(bytes, place);
    return kind === "accepted" && this.#scan.accepted(bytes, from, to) && this.#accepted(bytes, place);
  }

  #outcome(bytes: Uint8Array, place: Place<S>): boolean {
    const { resting } = this.#ledger;
    const { idFrom, idTo, state, hasPast } = this.#scan;
    const row = resting.rowOf(bytes, idFrom, idTo);
    if (row < 0 ? this.#isOdd(bytes) : resting.isAwake(row)) return false;
    if (row < 0) return true;
    const { items } = resting;
    let item = resting.firsts[row]! - 1;
    while (item >= 0 && items.indexes[item] !== state.item) item = items.nexts[item]! - 1;
    if (item < 0) return true;
    if (state.left.length === 0) {
      if (!resting.removeItem(row, item)) this.#gone(row);
      return true;
    }
    if (!this.#textOf(bytes, state, state.left)) return false;
    this.#stand(item, state);
    items.setText(item, this.#text);
    if (hasPast) items.pasts.set(item, place.segment, place.offset, place.length);
    return true;
  }

  #accepted(bytes: Uint8Array, place: Place<S>): boolean {
    const { resting, holder } = this.#ledger;
    const { items } = resting;
    const scan = this.#scan;
    const { idFrom, idTo } = scan;
    const old = resting.rowOf(bytes, idFrom, idTo);
    if (old < 0 ? this.#isOdd(bytes) : resting.isAwake(old)) return false;
    const count = scan.domains.length / 2;
    if (!this.#leftOf(count)) return false;
    if (old >= 0) this.#gone(old);
    const row = resting.enter(bytes, idFrom, idTo, place, scan.queuedAt, scan.size, scan.asksForDelay);
    let last = -1;
    for (let n = 0; n < count; n++) {
      const state = scan.stateCount < 0
        ? undefined
        : scan.states.find((one, i) => i < scan.stateCount && one.item === n);
      if (scan.stateCount >= 0 && (state === undefined || state.left.length === 0)) continue;
      if (state === undefined) this.#text.set(this.#left[n]!);
      else this.#textOf(bytes, state, state.left);
      const domain = items.domainNumber(bytes, scan.domains[2 * n]!, scan.domains[2 * n + 1]!);
      const item = items.add(row, n, domain, this.#text);
      if (state === undefined) items.stand(item, 0, scan.queuedAt, WAITING, 0);
      else this.#stand(item, state);
      resting.link(row, item, last);
      last = item;
    }
    if (last < 0) resting.remove(row);
    else holder.kept({ place });
    return true;
  }

  /** Whether it is a message that no row can hold. */
  #isOdd(bytes: Uint8Array): boolean {
    const { awake } = this.#ledger;
    const { idFrom, idTo } = this.#scan;
    return awake.size > 0 && awake.has(utf8Decode(bytes.subarray(idFrom, idTo)));
  }

  /** Recipients of each item; false for places too high. */
  #leftOf(count: number): boolean {
    const { itemOf, recipients } = this.#scan;
    for (let n = 0; n < count; n++) (this.#left[n] ??= []).length = 0;
    for (let i = 0; i < recipients; i++) this.#left[itemOf[i] ?? 0]!.push(i);
    return this.#text.set([recipients - 1]);
  }

  #textOf(bytes: Uint8Array, state: ScannedState, left: readonly number[]): boolean {
    return this.#text.copy(left, bytes, state.statusFrom, state.statusTo, state.errorFrom, state.errorTo);
  }

  #stand(item: number, { attempts, dueAt, held, told }: ScannedState): void {
    this.#ledger.resting.items.stand(item, attempts, dueAt, held ? HELD : WAITING, Math.max(0, told));
  }

  #gone(row: number): void {
    const { resting, holder } = this.#ledger;
    holder.gone({ place: resting.places.get(row)! });
    resting.remove(row);
  }
}
