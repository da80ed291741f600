/**
 * What replay needs of a record, found in its octets without making objects of them: what most records hold, and only in the form our writer gives
 * it. Everything else is said to be unusual, and read with `JSON.parse`; both ways mean the same (`tests/queue/scan_test.ts`).
 *
 * Texts are told by where they stand: UTF-8 without escapes.
 */
import { MOST_PLACES, MOST_STATUS } from "./item_text.ts";

const NO_BYTES = new Uint8Array(0);
const END = -1;
const CAPITAL_D = 68;
const QUOTE = 34;
const BACKSLASH = 92;
const COMMA = 44;
const COLON = 58;
const [OPEN, CLOSE, OPEN_LIST, CLOSE_LIST] = [123, 125, 91, 93];

/** A key as a number: its letter, or two of them. */
const code = (key: string) => key.length === 1 ? key.charCodeAt(0) : key.charCodeAt(0) << 8 | key.charCodeAt(1);
type Eight = [number, number, number, number, number, number, number, number];
const [A, D, E, G, H, I, L, N] = Array.from("adeghiln", code) as Eight;
const [P, R, S, T, U, W, X, Y] = Array.from("prstuwxy", code) as Eight;
const [F, K, Z, ST, BY] = [code("f"), code("k"), code("z"), code("st"), code("by")];

/** How an item stands (`StoredState`). */
export class ScannedState {
  item = 0;
  attempts = 0;
  dueAt = 0;
  readonly left: number[] = [];
  held = false;
  told = 0;
  errorFrom = 0;
  errorTo = 0;
  statusFrom = 0;
  statusTo = 0;

  clear(): void {
    this.item =
      this.attempts =
      this.dueAt =
      this.told =
        -1;
    this.left.length = 0;
    this.held = false;
    this.errorFrom =
      this.errorTo =
      this.statusFrom =
      this.statusTo =
        0;
  }

  get whole(): boolean {
    return this.item >= 0 && this.attempts >= 0 && this.dueAt >= 0;
  }
}

/** Reads one record after the other; what it found holds until the next. */
export class Scanner {
  idFrom = 0;
  idTo = 0;
  /** Of an outcome, and whether what happened to the item stands behind the JSON. */
  hasPast = false;
  readonly state = new ScannedState();
  /** Of an accepted message. */
  queuedAt = 0;
  size = 0;
  recipients = 0;
  asksForDelay = false;
  /** Of each item's domain, where it begins and ends. */
  readonly domains: number[] = [];
  /** For each recipient its item; empty when there is one item. */
  readonly itemOf: number[] = [];
  /** How the items stand; `states.length` may be more than `stateCount`. */
  readonly states: ScannedState[] = [];
  /** -1 when the record tells none. */
  stateCount = -1;
  /** Where the list of them stands; 0 when the record tells none. */
  statesFrom = 0;
  statesTo = 0;
  #bytes: Uint8Array = NO_BYTES;
  #at = 0;
  #ok = true;
  #from = 0;
  #to = 0;

  /** An `outcome`; false for an unusual one. */
  outcome(bytes: Uint8Array, from: number, to: number): boolean {
    this.#begin(bytes, from);
    this.state.clear();
    this.hasPast = false;
    for (let key = this.#firstKey(); key !== END; key = this.#nextKey()) {
      if (key === I) this.#id();
      else if (key === X) this.hasPast = this.#number() === 1;
      else if (!this.#stateMember(this.state, key)) this.#skip();
    }
    return this.#end(to) && this.state.whole;
  }

  /** An `accepted`; false for an unusual one. */
  accepted(bytes: Uint8Array, from: number, to: number): boolean {
    this.#begin(bytes, from);
    this.queuedAt = this.size = this.stateCount = -1;
    this.recipients = this.statesFrom = this.statesTo = 0;
    this.asksForDelay = false;
    this.domains.length = this.itemOf.length = 0;
    for (let key = this.#firstKey(); key !== END; key = this.#nextKey()) this.#acceptedMember(key);
    return this.#end(to) && this.queuedAt >= 0 && this.size >= 0 && this.recipients > 0 && this.domains.length > 0 &&
      this.#itemsMatch();
  }

  #acceptedMember(key: number): void {
    switch (key) {
      case I:
        return this.#id();
      case T:
        this.queuedAt = this.#number();
        return;
      case Z:
        this.size = this.#number();
        return;
      case R:
        for (let more = this.#firstOfList(); more; more = this.#nextOfList()) this.#recipient();
        return;
      case D:
        for (let more = this.#firstOfList(); more; more = this.#nextOfList()) {
          this.#text();
          this.domains.push(this.#from, this.#to);
        }
        return;
      case G:
        for (let more = this.#firstOfList(); more; more = this.#nextOfList()) this.itemOf.push(this.#number());
        return;
      case W:
        return this.#wishes();
      case ST:
        this.stateCount = 0;
        this.statesFrom = this.#at;
        for (let more = this.#firstOfList(); more; more = this.#nextOfList()) {
          this.#oneState(this.states[this.stateCount++] ??= new ScannedState());
        }
        this.statesTo = this.#at;
        return;
      case F:
      case K:
      case S:
      case U:
      case N:
        return this.#skip();
      default:
        // A body file, a report's outcome, and what later makes may add.
        return this.#unusual();
    }
  }

  #itemsMatch(): boolean {
    const items = this.domains.length / 2;
    if (this.itemOf.length === 0) return items === 1;
    return this.itemOf.length === this.recipients && this.itemOf.every((item) => item < items);
  }

  #begin(bytes: Uint8Array, from: number): void {
    this.#bytes = bytes;
    this.#at = from;
    this.#ok = true;
    this.idFrom = this.idTo = 0;
  }

  /** Whether all was read, and usual. */
  #end(to: number): boolean {
    // The buffer is large, and not ours to keep.
    this.#bytes = NO_BYTES;
    return this.#ok && this.#at === to && this.idTo > this.idFrom;
  }

  #id(): void {
    this.#text();
    this.idFrom = this.#from;
    this.idTo = this.#to;
  }

  #recipient(): void {
    this.recipients++;
    if (this.#bytes[this.#at] !== OPEN) return this.#skip();
    for (let key = this.#firstKey(); key !== END; key = this.#nextKey()) {
      if (key === Y) {
        this.#text();
        for (let at = this.#from; at < this.#to; at++) if (this.#bytes[at] === CAPITAL_D) this.asksForDelay = true;
      } else this.#skip();
    }
  }

  /** Those that matter to the queue are rare. */
  #wishes(): void {
    for (let key = this.#firstKey(); key !== END; key = this.#nextKey()) {
      if (key === H || key === P || key === BY) this.#unusual();
      else this.#skip();
    }
  }

  #oneState(state: ScannedState): void {
    state.clear();
    for (let key = this.#firstKey(); key !== END; key = this.#nextKey()) {
      if (!this.#stateMember(state, key)) this.#skip();
    }
    if (!state.whole) this.#unusual();
  }

  #stateMember(state: ScannedState, key: number): boolean {
    switch (key) {
      case N:
        state.item = this.#number();
        return true;
      case A:
        state.attempts = this.#number();
        return true;
      case D:
        state.dueAt = this.#number();
        return true;
      case L:
        for (let more = this.#firstOfList(); more; more = this.#nextOfList()) {
          const place = this.#number();
          if (place >= MOST_PLACES) this.#unusual();
          state.left.push(place);
        }
        return true;
      case H:
        state.held = this.#number() === 1;
        return true;
      case W:
        state.told = this.#number();
        return true;
      case E:
        this.#text();
        state.errorFrom = this.#from;
        state.errorTo = this.#to;
        return true;
      case S:
        this.#text();
        state.statusFrom = this.#from;
        state.statusTo = this.#to;
        if (this.#to - this.#from > MOST_STATUS) this.#unusual();
        return true;
      default:
        return false;
    }
  }

  /** The keys of an object one by one, as `code` has them; 0 for a longer one, END behind the last, or when something is unusual. */
  #firstKey(): number {
    if (this.#bytes[this.#at] !== OPEN) this.#unusual();
    else if (this.#bytes[this.#at + 1] !== CLOSE) return this.#key();
    else this.#at += 2;
    return END;
  }

  #nextKey(): number {
    const octet = this.#bytes[this.#at];
    if (octet === COMMA) return this.#key();
    if (octet === CLOSE) this.#at++;
    else this.#unusual();
    return END;
  }

  #key(): number {
    this.#at++;
    this.#text();
    if (!this.#ok || this.#bytes[this.#at] !== COLON) this.#unusual();
    this.#at++;
    if (!this.#ok) return END;
    const first = this.#bytes[this.#from]!;
    const length = this.#to - this.#from;
    return length === 1 ? first : length === 2 ? first << 8 | this.#bytes[this.#from + 1]! : 0;
  }

  /** Whether one of a list comes next. */
  #firstOfList(): boolean {
    if (this.#bytes[this.#at] !== OPEN_LIST) this.#unusual();
    else if (this.#bytes[++this.#at] !== CLOSE_LIST) return true;
    else this.#at++;
    return false;
  }

  #nextOfList(): boolean {
    const octet = this.#bytes[this.#at++];
    if (octet === COMMA) return this.#ok;
    if (octet !== CLOSE_LIST) this.#unusual();
    return false;
  }

  /** Where a text without escapes stands. */
  #text(): void {
    const bytes = this.#bytes;
    if (bytes[this.#at] !== QUOTE) return this.#unusual();
    let at = this.#at + 1;
    for (let octet = bytes[at]; octet !== QUOTE; octet = bytes[++at]) {
      if (octet === BACKSLASH || octet === undefined) return this.#unusual();
    }
    this.#from = this.#at + 1;
    this.#to = at;
    this.#at = at + 1;
  }

  /** A whole number from 0. */
  #number(): number {
    const bytes = this.#bytes;
    let at = this.#at;
    let value = 0;
    for (let digit = bytes[at]! - 48; digit >= 0 && digit <= 9; digit = bytes[++at]! - 48) value = value * 10 + digit;
    if (at === this.#at || at - this.#at > 15) this.#unusual();
    // A fraction, an exponent.
    const next = bytes[at];
    if (next !== COMMA && next !== CLOSE && next !== CLOSE_LIST) this.#unusual();
    this.#at = at;
    return value;
  }

  /** Past any value: nothing is looked at but texts and brackets. */
  #skip(): void {
    const bytes = this.#bytes;
    let depth = 0;
    for (;;) {
      const octet = bytes[this.#at];
      if (octet === undefined) return this.#unusual();
      if (octet === QUOTE) {
        let at = this.#at + 1;
        while (bytes[at] !== QUOTE) {
          if (bytes[at] === undefined) return this.#unusual();
          at += bytes[at] === BACKSLASH ? 2 : 1;
        }
        this.#at = at + 1;
      } else if (octet === OPEN || octet === OPEN_LIST) depth++, this.#at++;
      else if (octet === CLOSE || octet === CLOSE_LIST) {
        if (depth === 0) return;
        depth--, this.#at++;
      } else if (octet === COMMA && depth === 0) return;
      else this.#at++;
      if (depth === 0 && (bytes[this.#at] === COMMA || bytes[this.#at] === CLOSE || bytes[this.#at] === CLOSE_LIST)) {
        return;
      }
    }
  }

  #unusual(): void {
    this.#ok = false;
  }
}
