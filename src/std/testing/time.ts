/**
 * Stand-in for `@std/testing` 1.x `time`: the same names and signatures for what we use (architecture §9), our own code.
 *
 * While a FakeTime lives, `Date`, `setTimeout` and `setInterval` go by its clock, which stands until `tick` and its kin move it.
 * Only one may live at a time. Not here: `AbortSignal.timeout`.
 */

export class TimeError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "TimeError";
  }
}

/** Lets the fake clock run by itself. */
export interface FakeTimeOptions {
  /** How many fake milliseconds go by in a real one. */
  advanceRate: number;
  /** Every how many real milliseconds the clock moves; 10 when left out. */
  advanceFrequency?: number;
}

export interface DelayOptions {
  signal?: AbortSignal;
  persistent?: boolean;
}

interface Waiting {
  readonly id: number;
  readonly run: () => void;
  /** Milliseconds between two runs of an interval; undefined for a timeout. */
  readonly every: number | undefined;
  at: number;
}

const real = {
  Date: globalThis.Date,
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setInterval: globalThis.setInterval,
  clearInterval: globalThis.clearInterval,
};
type Globals = { -readonly [K in keyof typeof real]: unknown };
const globals = globalThis as unknown as Globals;

let living: FakeTime | undefined;

const FakeDate: DateConstructor = new Proxy(real.Date, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget === FakeDate ? target : newTarget),
  apply: () => new real.Date(now()).toString(),
  get: (target, key, receiver) => key === "now" ? now : Reflect.get(target, key, receiver),
});

function now(): number {
  return living?.now ?? real.Date.now();
}

export class FakeTime {
  readonly #waiting = new Map<number, Waiting>();
  readonly #advancer: ReturnType<typeof setInterval> | undefined;
  #start: number;
  #now: number;
  #lastId = 0;

  constructor(start?: number | string | Date | null, options?: FakeTimeOptions) {
    if (living !== undefined) throw new TimeError("Cannot construct FakeTime: time is already faked");
    this.#start = this.#now = start === undefined || start === null ? real.Date.now() : new real.Date(start).valueOf();
    if (Number.isNaN(this.#start)) throw new TimeError("Cannot construct FakeTime: invalid start time");
    const rate = options?.advanceRate ?? 0;
    const frequency = options?.advanceFrequency ?? 10;
    if (rate < 0) {
      throw new TimeError(`Cannot construct FakeTime: advanceRate must not be negative, current value is ${rate}`);
    }
    if (frequency <= 0) {
      throw new TimeError(
        `Cannot construct FakeTime: advanceFrequency must be positive, current value is ${frequency}`,
      );
    }
    living = this;
    this.#install();
    if (rate > 0) this.#advancer = real.setInterval(() => this.tick(rate * frequency), frequency);
  }

  /** Gives the real time back, if a FakeTime lives. Throws when none does. */
  static restore(): void {
    if (living === undefined) throw new TimeError("Cannot restore time: time is not faked");
    living.restore();
  }

  /** Runs a function by the real time. */
  static restoreFor<T>(callback: (...args: any[]) => Promise<T> | T, ...args: any[]): Promise<T> {
    const time = living;
    if (time === undefined) return Promise.reject(new TimeError("Cannot restore time: time is not faked"));
    Object.assign(globals, real);
    const again = () => time.#install();
    try {
      const result = callback(...args);
      if (result instanceof Promise) return result.finally(again);
      again();
      return Promise.resolve(result);
    } catch (error) {
      again();
      return Promise.reject(error);
    }
  }

  /** Fake milliseconds since the epoch. Set it to move on; it never goes back. */
  get now(): number {
    return this.#now;
  }
  set now(value: number) {
    if (value < this.#now) {
      throw new TimeError(`Cannot set current time in the past, time must be >= ${this.#now}: received ${value}`);
    }
    const timers = () =>
      [...this.#waiting.values()].filter((timer) => timer.at <= value).sort((a, b) => a.at - b.at || a.id - b.id);
    for (let [first] = timers(); first !== undefined; [first] = timers()) {
      this.#now = Math.max(this.#now, first.at);
      if (first.every === undefined) this.#waiting.delete(first.id);
      else first.at = this.#now + Math.max(first.every, 1);
      first.run();
    }
    this.#now = value;
  }

  get start(): number {
    return this.#start;
  }
  set start(value: number) {
    if (value < this.#start) throw new TimeError("Cannot set the start of time back");
    this.#start = value;
  }

  /** Resolves after so many milliseconds of real time. */
  delay(ms: number, options: DelayOptions = {}): Promise<void> {
    const { signal } = options;
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        real.clearTimeout(id);
        reject(signal!.reason);
      };
      const id = real.setTimeout(() => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      }, ms);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** Lets everything that waits for promises run. */
  async runMicrotasks(): Promise<void> {
    await this.delay(0);
  }

  tick(ms: number = 0): void {
    this.now += ms;
  }

  async tickAsync(ms: number = 0): Promise<void> {
    await this.runMicrotasks();
    this.now += ms;
  }

  /** Moves to the next timer and runs it; false when there is none. */
  next(): boolean {
    if (this.#waiting.size === 0) return false;
    this.now = Math.max(this.#now, Math.min(...[...this.#waiting.values()].map((timer) => timer.at)));
    return true;
  }

  async nextAsync(): Promise<boolean> {
    await this.runMicrotasks();
    return this.next();
  }

  /** Runs timers until none is left. An interval that nobody clears never ends. */
  runAll(): void {
    while (this.next());
  }

  async runAllAsync(): Promise<void> {
    while (await this.nextAsync());
  }

  restore(): void {
    if (living !== this) throw new TimeError("Cannot restore time: time already restored");
    living = undefined;
    if (this.#advancer !== undefined) real.clearInterval(this.#advancer);
    this.#waiting.clear();
    Object.assign(globals, real);
  }

  [Symbol.dispose](): void {
    this.restore();
  }

  #install(): void {
    if (living !== this) return;
    const clear = (id?: number) => void this.#waiting.delete(Number(id));
    Object.assign(globals, {
      Date: FakeDate,
      setTimeout: (run: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) => this.#arm(run, ms, args, false),
      clearTimeout: clear,
      setInterval: (run: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) => this.#arm(run, ms, args, true),
      clearInterval: clear,
    });
  }

  #arm(run: (...args: unknown[]) => void, ms: number, args: unknown[], repeat: boolean): number {
    const id = ++this.#lastId;
    const wait = Math.max(0, Number(ms) || 0);
    this.#waiting.set(id, { id, at: this.#now + wait, every: repeat ? wait : undefined, run: () => run(...args) });
    return id;
  }
}
