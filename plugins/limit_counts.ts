/**
 * What has been counted: in this process, or in Redis for all who share it, under the keys that Haraka has there.
 *
 * Counts in windows forget themselves. Of those in memory the oldest go first when there are too many, so that nobody fills it with made-up addresses.
 * A count that Redis does not give rejects with CountTrouble.
 */
import type { Clock, RedisLink } from "kasi";

/** What may be under way. */
export type Running = "concurrency" | "outbound";

export interface Counts {
  /** One more in a window of so many seconds, which the first one opens; how many that makes. */
  hit(family: string, key: string, seconds: number): Promise<number>;
  /** How many the window holds now. */
  peek(family: string, key: string): Promise<number>;
  /** One more; how many came within the last so many seconds. */
  slide(family: string, key: string, seconds: number): Promise<number>;
  /** One more is under way; how many are. One beyond `most` does not keep alive what a process that died has left counted. */
  enter(family: Running, key: string, most: number): Promise<number>;
  leave(family: Running, key: string): Promise<void>;
}

export class CountTrouble extends Error {}

/** A sliding window moves in so many steps: a flood of connections leaves no more entries than that. */
const STEPS = 60;
const MOST_KEPT = 20_000;

/** When the step began in which `now` falls. */
function stepOf(now: number, seconds: number): number {
  const step = Math.max(1, Math.floor(seconds * 1000 / STEPS));
  return now - now % step;
}

export class MemoryCounts implements Counts {
  readonly #clock: Clock;
  readonly #windows = new Map<string, Map<string, { count: number; readonly until: number }>>();
  readonly #slides = new Map<string, Map<string, Map<number, number>>>();
  readonly #running = { concurrency: new Map<string, number>(), outbound: new Map<string, number>() };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  hit(family: string, key: string, seconds: number): Promise<number> {
    const windows = familyOf(this.#windows, family);
    const now = this.#clock.monotonic();
    const open = windows.get(key);
    if (open !== undefined && open.until > now) return Promise.resolve(++open.count);
    put(windows, key, { count: 1, until: now + seconds * 1000 });
    return Promise.resolve(1);
  }

  peek(family: string, key: string): Promise<number> {
    const open = this.#windows.get(family)?.get(key);
    return Promise.resolve(open !== undefined && open.until > this.#clock.monotonic() ? open.count : 0);
  }

  slide(family: string, key: string, seconds: number): Promise<number> {
    const slides = familyOf(this.#slides, family);
    const now = this.#clock.monotonic();
    const steps = slides.get(key) ?? new Map<number, number>();
    const step = stepOf(now, seconds);
    steps.set(step, (steps.get(step) ?? 0) + 1);
    for (const at of steps.keys()) if (at < now - seconds * 1000) steps.delete(at);
    put(slides, key, steps);
    return Promise.resolve(sum(steps.values()));
  }

  enter(family: Running, key: string): Promise<number> {
    const count = (this.#running[family].get(key) ?? 0) + 1;
    this.#running[family].set(key, count);
    return Promise.resolve(count);
  }

  leave(family: Running, key: string): Promise<void> {
    const left = (this.#running[family].get(key) ?? 0) - 1;
    if (left > 0) this.#running[family].set(key, left);
    else this.#running[family].delete(key);
    return Promise.resolve();
  }
}

/** Key, seconds until a count that nobody changes is forgotten, and the command that changes it. */
const RUNNING: {
  readonly [F in Running]: {
    readonly seconds: number;
    readonly change: (key: string, by: number) => readonly [verb: string, key: string, ...rest: string[]];
  };
} = {
  concurrency: { seconds: 180, change: (key, by) => ["INCRBY", `concurrency|${key}`, String(by)] },
  outbound: { seconds: 300, change: (key, by) => ["HINCRBY", `outbound-rate:${key}`, "TOTAL", String(by)] },
};

export class RedisCounts implements Counts {
  readonly #link: RedisLink;
  readonly #clock: Clock;

  constructor(link: RedisLink, clock: Clock) {
    this.#link = link;
    this.#clock = clock;
  }

  async hit(family: string, key: string, seconds: number): Promise<number> {
    const name = `${family}:${key}`;
    // The window is there before it is counted in: a count without an end would never let anybody in again.
    const [, count] = await this.#all(["SET", name, "0", "EX", String(seconds), "NX"], ["INCRBY", name, "1"]);
    // It may have closed between the two.
    if (count === 1) await this.#all(["EXPIRE", name, String(seconds)]);
    return Number(count);
  }

  async peek(family: string, key: string): Promise<number> {
    const [count] = await this.#all(["GET", `${family}:${key}`]);
    return Number(count ?? 0);
  }

  async slide(family: string, key: string, seconds: number): Promise<number> {
    const name = `${family}:${key}`;
    const now = this.#clock.now();
    const [, , all] = await this.#all(
      ["HINCRBY", name, String(stepOf(now, seconds)), "1"],
      ["EXPIRE", name, String(seconds * 2)],
      ["HGETALL", name],
    );
    const pairs = all as readonly string[];
    const fresh: number[] = [];
    const stale: string[] = [];
    for (let i = 0; i < pairs.length; i += 2) {
      if (Number(pairs[i]) < now - seconds * 1000) stale.push(pairs[i]!);
      else fresh.push(Number(pairs[i + 1]));
    }
    if (stale.length > 0) await this.#all(["HDEL", name, ...stale]);
    return sum(fresh);
  }

  async enter(family: Running, key: string, most: number): Promise<number> {
    const first = await this.#change(family, key, 1);
    // A count that was forgotten while some of it were still under way went below nothing.
    const count = first < 1 ? await this.#change(family, key, 1 - first) : first;
    if (count <= most) await this.#keep(family, key);
    return count;
  }

  async leave(family: Running, key: string): Promise<void> {
    if (await this.#change(family, key, -1) < 0) await this.#change(family, key, 1);
  }

  async #change(family: Running, key: string, by: number): Promise<number> {
    const command = RUNNING[family].change(key, by);
    const [count, left] = await this.#all(command, ["TTL", command[1]]);
    // New, or an orphan.
    if (Number(left) < 0) await this.#keep(family, key);
    return Number(count);
  }

  async #keep(family: Running, key: string): Promise<void> {
    const { seconds, change } = RUNNING[family];
    await this.#all(["EXPIRE", change(key, 0)[1], String(seconds)]);
  }

  /** Sent in one go, answered in order. */
  async #all(...commands: readonly (readonly string[])[]): Promise<readonly unknown[]> {
    try {
      return await Promise.all(commands.map((words) => this.#link.command(words)));
    } catch (cause) {
      throw new CountTrouble(`redis: ${(cause as Error).message}`, { cause });
    }
  }
}

function familyOf<T>(families: Map<string, Map<string, T>>, name: string): Map<string, T> {
  const family = families.get(name) ?? new Map<string, T>();
  families.set(name, family);
  return family;
}

/** Youngest last. */
function put<T>(kept: Map<string, T>, key: string, value: T): void {
  if (!kept.delete(key) && kept.size >= MOST_KEPT) kept.delete(kept.keys().next().value!);
  kept.set(key, value);
}

function sum(values: Iterable<number>): number {
  let all = 0;
  for (const value of values) all += value;
  return all;
}
