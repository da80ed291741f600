/**
 * The workers, seen from the main thread: each has a place with a number and a shard of the queue, and there is one thread in a place at most.
 *
 * A worker that died is replaced, at once the first time and ever later while it keeps dying young; one that ended with code 0 by itself is not.
 * What it held (delivery slots) is given back first, and its shard is its successor's. {@linkcode startWorkers} rejects when one of them cannot
 * start, and leaves none behind.
 */
import { type Clock, sleep } from "../../base/clock.ts";
import type { Thread } from "../../host/types.ts";
import type { Logging } from "../../log/logging.ts";
import type { Logger } from "../../log/types.ts";
import { forfeit } from "../../queue/shared_slots.ts";
import { ANSWER_MS } from "../plugin_operations.ts";
import { KeyDesk } from "./key_desk.ts";
import type { FromWorker, ToWorker, Verb, Verbs, WorkerData } from "./messages.ts";

/** What all workers are started with. */
export type Shared = Omit<WorkerData, "number" | "shard" | "endpoints" | "rehearse">;

export interface PoolOptions {
  readonly count: number;
  readonly shared: Shared;
  readonly shardOf: (number: number) => string;
  readonly endpointsOf: (number: number) => WorkerData["endpoints"];
  readonly startThread: (data: WorkerData) => Thread;
  readonly clock: Clock;
  readonly log: Logger;
  readonly logging: Pick<Logging, "pass">;
  /** What nobody caught in a worker, with its stack. */
  readonly onUncaught: (reason: string) => void;
  /** What a plugin's copy in a worker tells the one in the main thread. */
  readonly onPlugin: (name: string, value: unknown) => void;
  /** How long a worker that is replaced may take to end. */
  readonly endMs: () => number;
}

export interface Pool {
  /** Workers that serve. */
  readonly serving: number;
  /** Workers that died and were replaced so far. */
  readonly replaced: number;
  /** Everybody's answers; of those that serve and lived to answer, `withinMs` if that is given. Rejects with the first refusal. */
  ask<V extends Verb>(verb: V, takes: Verbs[V]["takes"], withinMs?: number): Promise<Verbs[V]["gives"][]>;
  /** One that serves, in turn. Rejects with its refusal, and when there is none or it went away before it answered. */
  askOne<V extends Verb>(verb: V, takes: Verbs[V]["takes"]): Promise<Verbs[V]["gives"]>;
  restart(): Promise<void>;
  stop(deadlineMs: number): Promise<void>;
}

/** One that lived so long did not die of its start. */
const YOUNG_MS = 10_000;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 60_000;
/** Beyond its deadline, for one that does not end by itself. */
const GRACE_MS = 7_000;

interface Place {
  readonly number: number;
  thread: Thread | undefined;
  state: "away" | "starting" | "serving" | "ending";
  /** Nobody will come to this place any more. */
  isDeserted: boolean;
  /** Deaths in a row. */
  deaths: number;
  /** Settles once nobody is in the place any more. */
  left: Promise<void>;
}

/** Why a worker did not start. */
export class WorkerError extends Error {
  override readonly name = "WorkerError";
}

export async function startWorkers(options: PoolOptions): Promise<Pool> {
  const pool = new WorkerPool(options);
  try {
    await pool.start();
  } catch (cause) {
    await pool.stop(0);
    throw cause;
  }
  return pool;
}

class WorkerPool implements Pool {
  readonly #options: PoolOptions;
  readonly #places: Place[];
  readonly #asked = new Map<number, { readonly place: Place; readonly settle: (message?: FromWorker) => void }>();
  readonly #stopping = new AbortController();
  #asks = 0;
  #turn = 0;
  replaced = 0;
  #restarting: Promise<void> | undefined;
  readonly #keys: KeyDesk;
  #stopped: Promise<void> | undefined;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#keys = new KeyDesk({
      clock: options.clock,
      signal: this.#stopping.signal,
      knownTo: async (key) => {
        // What lies in the shard of a worker that is not replaced nobody can tell before the next start.
        const wanted = this.#places.filter(({ isDeserted }) => !isDeserted).length;
        const answers = await this.ask("submitted", key, ANSWER_MS);
        return answers.length < wanted ? undefined : answers.map(({ id }) => id);
      },
    });
    this.#places = Array.from(
      { length: options.count },
      (_, i) => ({
        number: i + 1,
        thread: undefined,
        state: "away",
        isDeserted: false,
        deaths: 0,
        left: Promise.resolve(),
      }),
    );
  }

  get serving(): number {
    return this.#places.filter(({ state }) => state === "serving").length;
  }

  async start(): Promise<void> {
    const results = await Promise.allSettled(this.#places.map((place) => this.#fill(place)));
    for (const result of results) if (result.status === "rejected") throw result.reason;
  }

  async ask<V extends Verb>(verb: V, takes: Verbs[V]["takes"], withinMs?: number): Promise<Verbs[V]["gives"][]> {
    const places = this.#places.filter(({ state }) => state === "serving" || state === "ending");
    const answers = await Promise.all(places.map((place) => this.#askAt(place, verb, takes, withinMs)));
    return answers.filter((answer) => answer !== undefined);
  }

  async askOne<V extends Verb>(verb: V, takes: Verbs[V]["takes"]): Promise<Verbs[V]["gives"]> {
    const places = this.#places.filter(({ state }) => state === "serving");
    const place = places[this.#turn++ % places.length];
    if (place === undefined) throw new WorkerError("No worker serves at the moment");
    const answer = await this.#askAt(place, verb, takes);
    if (answer === undefined) throw new WorkerError(`Worker ${place.number} went away before it answered`);
    return answer;
  }

  /** Undefined when it went away before it answered, or was late. */
  #askAt<V extends Verb>(
    place: Place,
    verb: V,
    takes: Verbs[V]["takes"],
    withinMs?: number,
  ): Promise<Verbs[V]["gives"] | undefined> {
    return new Promise((resolve, reject) => {
      const id = ++this.#asks;
      const late = withinMs === undefined ? undefined : this.#options.clock.after(withinMs, () => settle());
      const settle = (message?: FromWorker) => {
        late?.cancel();
        this.#asked.delete(id);
        if (message?.kind === "refusal") reject(new Error(message.reason));
        else resolve(message?.kind === "answer" ? message.gives as Verbs[V]["gives"] : undefined);
      };
      this.#asked.set(id, { place, settle });
      this.#tell(place, { kind: "ask", id, verb, takes });
    });
  }

  restart(): Promise<void> {
    return this.#restarting ??= this.#restart().finally(() => this.#restarting = undefined);
  }

  stop(deadlineMs: number): Promise<void> {
    return this.#stopped ??= this.#stop(deadlineMs);
  }

  async #stop(deadlineMs: number): Promise<void> {
    this.#stopping.abort(new Error("The server is shutting down"));
    await Promise.all(this.#places.map((place) => this.#end(place, "stop", deadlineMs)));
  }

  async #restart(): Promise<void> {
    const { log, endMs } = this.#options;
    await this.#rehearse();
    for (const place of this.#places) {
      this.#stopping.signal.throwIfAborted();
      log.notice(`Worker ${place.number} is being replaced`);
      await this.#end(place, "drain", endMs());
      this.#stopping.signal.throwIfAborted();
      try {
        if (place.thread === undefined) await this.#fill(place);
      } catch (cause) {
        void this.#refill(place);
        throw cause;
      }
    }
    log.notice("All workers were replaced");
  }

  /** In a thread of its own, so that files that were read before are read again. Rejects for what would keep a worker from starting. */
  async #rehearse(): Promise<void> {
    const { startThread, shared } = this.#options;
    const thread = startThread({ ...shared, number: 1, shard: "", endpoints: [], rehearse: true });
    let failed: Extract<FromWorker, { kind: "failed" }> | undefined;
    thread.onMessage((message) => {
      const told = message as FromWorker;
      if (told.kind === "failed") failed = told;
    });
    const { code } = await thread.ended;
    if (code !== 0) {
      throw new WorkerError(`No worker was replaced: ${failed?.reason ?? `a fresh one ended with ${code}`}`);
    }
  }

  /** Starts a worker in a place; resolves once it serves. */
  #fill(place: Place): Promise<void> {
    const { startThread, shared, shardOf, endpointsOf, clock } = this.#options;
    const { number } = place;
    const thread = startThread({ ...shared, number, shard: shardOf(number), endpoints: endpointsOf(number) });
    const started = clock.monotonic();
    const ready = Promise.withResolvers<void>();
    place.thread = thread;
    place.state = "starting";
    place.isDeserted = false;
    thread.onMessage((message) => this.#hear(place, thread, message as FromWorker, ready));
    place.left = thread.ended.then(({ code, fault }) => {
      forfeit(shared.slots, number - 1);
      this.#keys.left(number);
      Atomics.store(new Int32Array(shared.sessions), number - 1, 0);
      const was = place.state;
      place.thread = undefined;
      place.state = "away";
      for (const { place: its, settle } of [...this.#asked.values()]) if (its === place) settle();
      ready.reject(new WorkerError(`Worker ${number} ended with code ${code} before it served: ${textOf(fault)}`));
      if (was !== "serving" || this.#stopping.signal.aborted) return;
      if (clock.monotonic() - started > YOUNG_MS) place.deaths = 0;
      this.#mourn(place, code, fault);
    });
    return ready.promise;
  }

  #hear(place: Place, thread: Thread, message: FromWorker, ready: PromiseWithResolvers<void>): void {
    switch (message.kind) {
      case "log":
        for (const item of message.items) this.#options.logging.pass(item);
        return;
      case "ready":
        if (place.thread === thread && place.state === "starting") place.state = "serving";
        return ready.resolve();
      case "failed":
        return ready.reject(new WorkerError(message.reason));
      case "uncaught":
        return this.#options.onUncaught(message.reason);
      case "plugin":
        return this.#options.onPlugin(message.name, message.value);
      case "ask": {
        const { id } = message;
        this.ask(message.verb, message.takes as never, ANSWER_MS).then(
          (gives) => thread.post({ kind: "answers", id, gives } satisfies ToWorker),
          (fault: Error) => thread.post({ kind: "answers", id, gives: [], fault: fault.message } satisfies ToWorker),
        );
        return;
      }
      case "claim": {
        const { id, key } = message;
        this.#keys.claim(place.number, key).then(
          (claim) => thread.post({ kind: "claimed", id, claim } satisfies ToWorker),
          (fault: Error) => thread.post({ kind: "claimed", id, claim: {}, fault: fault.message } satisfies ToWorker),
        );
        return;
      }
      case "unclaim":
        return this.#keys.end(place.number, message.key);
      default:
        return this.#asked.get(message.id)?.settle(message);
    }
  }

  #mourn(place: Place, code: number, fault: unknown): void {
    const { log } = this.#options;
    if (code === 0 && fault === undefined) {
      place.isDeserted = true;
      log.error(`Worker ${place.number} ended by itself, with code 0: it is not replaced`);
      return;
    }
    log.crit(`Worker ${place.number} died with code ${code}${fault === undefined ? "" : `: ${textOf(fault)}`}`);
    void this.#refill(place);
  }

  /** Until somebody serves in the place again, or the server stops. Never rejects. */
  async #refill(place: Place): Promise<void> {
    const { log, clock } = this.#options;
    for (;;) {
      const wait = place.deaths++ === 0
        ? 0
        : Math.min(FIRST_WAIT_MS * 2 ** Math.min(place.deaths - 2, 20), LONGEST_WAIT_MS);
      try {
        if (wait > 0) {
          log.warn(`Worker ${place.number} is started again in ${wait} ms`);
          await sleep(clock, wait, this.#stopping.signal);
        }
        if (this.#stopping.signal.aborted || place.thread !== undefined) return;
        await this.#fill(place);
        this.replaced++;
        log.notice(`Worker ${place.number} was replaced`);
        return;
      } catch (cause) {
        if (this.#stopping.signal.aborted) return;
        log.error(`Worker ${place.number} did not start: ${cause instanceof Error ? cause.message : cause}`);
        await place.left;
      }
    }
  }

  /** Resolves once the place is empty: by itself in time, or by force. */
  async #end(place: Place, kind: "drain" | "stop", deadlineMs: number): Promise<void> {
    const { thread } = place;
    if (thread === undefined) return await place.left;
    const starting = place.state === "starting";
    place.state = "ending";
    // One that has not started yet hears nothing.
    if (starting) thread.terminate();
    else this.#tell(place, { kind, deadlineMs });
    const over = new AbortController();
    const late = sleep(this.#options.clock, deadlineMs + GRACE_MS, over.signal).then(() => {
      this.#options.log.error(`Worker ${place.number} did not end in time, and is ended by force`);
      thread.terminate();
    }, () => {});
    await thread.ended;
    await place.left;
    over.abort();
    await late;
  }

  #tell(place: Place, message: ToWorker): void {
    place.thread?.post(message);
  }
}

function textOf(fault: unknown): string {
  return fault instanceof Error ? fault.stack ?? fault.message : fault === undefined ? "" : String(fault);
}
