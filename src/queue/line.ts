/**
 * A line with levels: who is higher goes first, who came first goes first among equals, and nobody waits for ever.
 *
 * Of every four that go, one is from a lower level when somebody waits there; the lower levels take turns at it by how long they were
 * passed by. A line of one level is a plain queue and costs no more.
 */
interface Level<T> {
  readonly level: number;
  waiting: T[];
  /** Those in front of it have gone. */
  head: number;
  /** How often somebody of a higher level was let go while this one waited. */
  passed: number;
}

/** Of a higher level, before one of a lower one goes. */
const IN_A_ROW = 3;

export class Line<T> {
  /** Highest first. */
  readonly #levels: Level<T>[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The highest level somebody waits at; undefined when nobody does. */
  get highest(): number | undefined {
    return this.#levels.find(({ head, waiting }) => head < waiting.length)?.level;
  }

  push(one: T, level: number): void {
    this.#at(level).waiting.push(one);
    this.#size++;
  }

  /** Puts back who was let go too early: next of its level. */
  unshift(one: T, level: number): void {
    const at = this.#at(level);
    if (at.head > 0) at.waiting[--at.head] = one;
    else at.waiting.unshift(one);
    this.#size++;
  }

  shift(): T | undefined {
    if (this.#size === 0) return undefined;
    const next = this.#next();
    const one = next.waiting[next.head++]!;
    this.#size--;
    next.passed = 0;
    if (next.head > 64 && next.head * 2 > next.waiting.length) {
      next.waiting = next.waiting.slice(next.head);
      next.head = 0;
    }
    if (this.#levels.length > 1) {
      for (const other of this.#levels) {
        if (other.level < next.level && other.head < other.waiting.length) other.passed++;
      }
    }
    return one;
  }

  #next(): Level<T> {
    let next: Level<T> | undefined;
    for (const level of this.#levels) {
      if (level.head >= level.waiting.length) continue;
      if (next === undefined || (level.passed >= IN_A_ROW && level.passed > next.passed)) next = level;
    }
    return next!;
  }

  #at(level: number): Level<T> {
    const before = this.#levels.findIndex((one) => one.level <= level);
    const found = before < 0 ? undefined : this.#levels[before];
    if (found?.level === level) return found;
    const made = { level, waiting: [], head: 0, passed: 0 };
    this.#levels.splice(before < 0 ? this.#levels.length : before, 0, made);
    return made;
  }
}
