/**
 * News for senders whose mail waits, whether for its time or in line for its site: told when the time for it comes, without a slot, a few at a time.
 *
 * An item that is told of stays where it is in line; an attempt at it that begins meanwhile waits for the telling. Nothing rejects.
 */
import type { Clock } from "../base/clock.ts";
import type { HeapEntry } from "../base/heap.ts";
import { Schedule } from "./schedule.ts";

export interface DeskOptions<T> {
  readonly clock: Clock;
  /** Tells what there is to tell; settles in any case. */
  readonly tell: (item: T) => Promise<void>;
  /** Called when an item was told of, unless all ends before. */
  readonly told: (item: T) => void;
}

interface Alarm<T> {
  readonly item: T;
  readonly wakeAt: number;
  slot: HeapEntry<Alarm<T>> | undefined;
}

const AT_ONCE = 10;

export class NewsDesk<T> {
  readonly #options: DeskOptions<T>;
  readonly #alarms: Schedule<Alarm<T>>;
  readonly #byItem = new Map<T, Alarm<T>>();
  readonly #next: T[] = [];
  readonly #telling = new Map<T, Promise<void>>();
  #stopped = false;

  constructor(options: DeskOptions<T>) {
    this.#options = options;
    this.#alarms = new Schedule<Alarm<T>>(options.clock, (alarm) => {
      this.#byItem.delete(alarm.item);
      this.tell(alarm.item);
    });
    this.#alarms.start();
  }

  /** To be told of at a time, epoch milliseconds, unless it is {@linkcode unwatch}ed before. */
  watch(item: T, at: number): void {
    this.unwatch(item);
    if (at === Infinity || this.#stopped) return;
    const alarm = { item, wakeAt: at, slot: undefined };
    this.#byItem.set(item, alarm);
    this.#alarms.add(alarm);
  }

  unwatch(item: T): void {
    if (this.#byItem.size === 0) return;
    const alarm = this.#byItem.get(item);
    if (alarm === undefined) return;
    this.#byItem.delete(item);
    this.#alarms.remove(alarm);
  }

  /** As soon as it can be. */
  tell(item: T): void {
    if (this.#stopped) return;
    this.#next.push(item);
    this.#begin();
  }

  /** Settles when it is told of, if that is being done. */
  telling(item: T): Promise<void> | undefined {
    return this.#telling.size === 0 ? undefined : this.#telling.get(item);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#alarms.stop();
    this.#next.length = 0;
    await Promise.all(this.#telling.values());
  }

  #begin(): void {
    const { tell, told } = this.#options;
    while (this.#telling.size < AT_ONCE && this.#next.length > 0) {
      const item = this.#next.shift()!;
      if (this.#telling.has(item)) continue;
      const done = tell(item).finally(() => {
        this.#telling.delete(item);
        if (this.#stopped) return;
        told(item);
        this.#begin();
      });
      this.#telling.set(item, done);
    }
  }
}
