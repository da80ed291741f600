/**
 * A line in which senders take turns: by level as `line.ts` says, and within a level one of each flow after the other, however many wait in it.
 */
import { Line } from "../line.ts";
import { Fifo } from "./fifo.ts";

interface Group<T> {
  readonly flow: number;
  readonly level: number;
  readonly waiting: Fifo<T>;
  inLine: boolean;
}

export class Turns<T> {
  readonly #line = new Line<Group<T>>();
  readonly #groups = new Map<number, Group<T>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(one: T, level: number, flow: number): void {
    const group = this.#group(level, flow);
    group.waiting.push(one);
    this.#size++;
    if (group.inLine) return;
    group.inLine = true;
    this.#line.push(group, level);
  }

  /** Puts back who was let go too early. */
  unshift(one: T, level: number, flow: number): void {
    const group = this.#group(level, flow);
    group.waiting.unshift(one);
    this.#size++;
    if (group.inLine) return;
    group.inLine = true;
    this.#line.unshift(group, level);
  }

  shift(): T | undefined {
    const group = this.#line.shift();
    if (group === undefined) return undefined;
    const one = group.waiting.shift()!;
    this.#size--;
    if (group.waiting.size > 0) this.#line.push(group, group.level);
    else {
      group.inLine = false;
      this.#groups.delete(keyOf(group.level, group.flow));
    }
    return one;
  }

  #group(level: number, flow: number): Group<T> {
    const key = keyOf(level, flow);
    let group = this.#groups.get(key);
    if (group === undefined) this.#groups.set(key, group = { flow, level, waiting: new Fifo(), inLine: false });
    return group;
  }
}

/** Levels are small numbers, flows of 32 bits. */
export function keyOf(level: number, flow: number): number {
  return flow * 64 + level + 32;
}
