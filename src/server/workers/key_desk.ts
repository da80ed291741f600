/**
 * Keys of submissions over all workers, in the main thread: one worker at a time may take a message under a key, after all workers were asked
 * whether they took one. Keys lie in the workers' shards (`queue/keyring.ts`); here is only who may go.
 *
 * While not every worker can be asked (one is being replaced, or is late), the claim waits; after {@linkcode PATIENCE_MS} it rejects, and the client
 * is told to come again: taken twice would be worse. What a worker held that died is let go of once nobody is in its place any more.
 */
import { type Clock, sleep } from "../../base/clock.ts";
import type { Claim } from "../../queue/claims.ts";

export interface KeyDeskOptions {
  readonly clock: Clock;
  /** Aborted, nobody waits any longer. */
  readonly signal: AbortSignal;
  /** Ids that workers know for the key; of one that knows none: undefined. Undefined when not all of them answered. */
  readonly knownTo: (key: string) => Promise<readonly (string | undefined)[] | undefined>;
}

/** How long it may take until all workers can be asked. */
export const PATIENCE_MS = 10_000;
const ASK_AGAIN_MS = 200;

interface Held {
  readonly worker: number;
  readonly over: PromiseWithResolvers<void>;
}

export class KeyDesk {
  readonly #options: KeyDeskOptions;
  readonly #held = new Map<string, Held>();

  constructor(options: KeyDeskOptions) {
    this.#options = options;
  }

  /** Resolves to the id of what was taken under the key, or to `{}`: the worker may take its own, and says {@linkcode end} when it has. */
  async claim(worker: number, key: string): Promise<Claim> {
    for (let other = this.#held.get(key); other !== undefined; other = this.#held.get(key)) await other.over.promise;
    const held: Held = { worker, over: Promise.withResolvers() };
    this.#held.set(key, held);
    try {
      const id = await this.#known(key);
      if (id === undefined) return {};
      this.#release(key, held);
      return { id };
    } catch (cause) {
      this.#release(key, held);
      throw cause;
    }
  }

  end(worker: number, key: string): void {
    const held = this.#held.get(key);
    if (held?.worker === worker) this.#release(key, held);
  }

  /** Nobody is in this worker's place any more. */
  left(worker: number): void {
    for (const [key, held] of [...this.#held]) if (held.worker === worker) this.#release(key, held);
  }

  #release(key: string, held: Held): void {
    if (this.#held.get(key) === held) this.#held.delete(key);
    held.over.resolve();
  }

  async #known(key: string): Promise<string | undefined> {
    const { clock, knownTo, signal } = this.#options;
    const until = clock.monotonic() + PATIENCE_MS;
    for (;;) {
      const ids = await knownTo(key);
      if (ids !== undefined) return ids.find((id) => id !== undefined);
      if (clock.monotonic() >= until) throw new Error("Not every worker could be asked for the key of a submission");
      await sleep(clock, ASK_AGAIN_MS, signal);
    }
  }
}
