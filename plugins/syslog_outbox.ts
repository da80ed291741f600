/**
 * Lines on their way to a log daemon: kept in order while it is away, handed over one after the other once it is there.
 *
 * Memory stays bounded: beyond the limit the oldest lines are dropped, and how many is told once. Nothing here throws at whoever logs.
 */
import { type Clock, type LogItem, sleep } from "kasi";

export interface Sink {
  send(item: LogItem): Promise<void>;
  close(): void;
}
export interface OutboxOptions {
  readonly clock: Clock;
  readonly open: (signal: AbortSignal) => Promise<Sink>;
  /** Called once when the daemon is lost, and once when it is back, with the number of lines dropped meanwhile. */
  readonly onTrouble: (reason: unknown) => void;
  readonly onBack: (dropped: number) => void;
}

const MOST_WAITING = 1000;
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 60_000;

export class Outbox {
  readonly #options: OutboxOptions;
  readonly #waiting: LogItem[] = [];
  readonly #stopping = new AbortController();
  #wake: () => void = () => {};
  #running: Promise<void> | undefined;
  #dropped = 0;
  #ending = false;
  #trouble = false;

  constructor(options: OutboxOptions) {
    this.#options = options;
    // Once for all waits: a listener for each would stay behind with every line.
    this.#stopping.signal.addEventListener("abort", () => this.#wake());
  }

  /** Whether lines reach the daemon, as far as is known. */
  get works(): boolean {
    return !this.#trouble;
  }

  push(item: LogItem): void {
    if (this.#ending) return;
    if (this.#waiting.push(item) > MOST_WAITING) {
      this.#waiting.shift();
      this.#dropped++;
    }
    this.start();
    this.#wake();
  }

  /** Connects, if that was not done yet. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Resolves when what waits has been handed over, or cannot be within `ms`. */
  async end(ms: number): Promise<void> {
    this.#ending = true;
    this.#wake();
    const late = this.#options.clock.after(ms, () => this.#stopping.abort());
    if (this.#trouble) this.#stopping.abort();
    await this.#running;
    late.cancel();
  }

  async #run(): Promise<void> {
    const { clock, open, onTrouble, onBack } = this.#options;
    const { signal } = this.#stopping;
    for (let wait = FIRST_WAIT_MS; !signal.aborted; wait = Math.min(2 * wait, LONGEST_WAIT_MS)) {
      try {
        const sink = await open(signal);
        try {
          for (;;) {
            const [first] = this.#waiting;
            if (first === undefined) {
              if (this.#ending || signal.aborted) return;
              await new Promise<void>((resolve) => this.#wake = resolve);
              continue;
            }
            await sink.send(first);
            if (this.#waiting[0] === first) this.#waiting.shift();
            wait = FIRST_WAIT_MS;
            if (this.#trouble) {
              this.#trouble = false;
              onBack(this.#dropped);
              this.#dropped = 0;
            }
          }
        } finally {
          sink.close();
        }
      } catch (reason) {
        if (signal.aborted) return;
        if (!this.#trouble) {
          this.#trouble = true;
          onTrouble(reason);
        }
        if (this.#ending) return;
        await sleep(clock, wait, signal).catch(() => {});
      }
    }
  }
}
