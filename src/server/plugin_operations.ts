/** What plugins ask of the whole server, over whatever answers: this thread, or all workers. */
import type { MainThread, Operations as PluginOperations, PoolNumbers } from "../hooks/operations.ts";
import type { Operations } from "./face.ts";
import type { Verbs } from "./workers/messages.ts";

/** What may be asked from a worker as well. */
export type SharedVerb = "stats" | "list" | "order" | "pools";
/** Everybody's answers; those who did not answer in time are left out. */
export type AskAll = <V extends SharedVerb>(verb: V, takes: Verbs[V]["takes"]) => Promise<readonly Verbs[V]["gives"][]>;

/** How long one that is busy may take. */
export const ANSWER_MS = 1000;

export function pluginOperations(ask: AskAll, replaced: () => number = () => 0): PluginOperations {
  const order = async (verb: "retry" | "remove", id: string) =>
    (await ask("order", { verb, filter: { id } })).reduce((sum, { items }) => sum + items, 0);
  return {
    threads: () => ask("stats", undefined),
    list: async () => (await ask("list", undefined)).flat().sort((a, b) => a.queuedAt - b.queuedAt),
    retry: (id) => order("retry", id),
    remove: (id) => order("remove", id),
    async pools() {
      const byName = new Map<string, PoolNumbers>();
      for (const { name, inUse, size } of (await ask("pools", undefined)).flat()) {
        const known = byName.get(name);
        byName.set(name, { name, inUse: inUse + (known?.inUse ?? 0), size: size + (known?.size ?? 0) });
      }
      return [...byName.values()];
    },
    get replaced() {
      return replaced();
    },
  };
}

/** One thread alone. */
export function askAlone(operations: () => Operations | undefined): AskAll {
  return async (verb, takes) => {
    const own = operations();
    if (own === undefined) throw new Error("The server has not started yet");
    const answers: { readonly [V in SharedVerb]: (takes: never) => Promise<unknown> } = {
      stats: () => own.stats(),
      list: (filter) => own.list(filter),
      order: (order) => own.order(order),
      pools: () => own.pools(),
    };
    return [await answers[verb](takes as never)] as never;
  };
}

/** The main thread's end of {@linkcode MainThread}: each plugin's listener by its name. */
export class Tidings {
  readonly #listeners = new Map<string, (value: unknown) => void>();

  deliver(name: string, value: unknown): void {
    this.#listeners.get(name)?.(value);
  }

  of(name: string): MainThread {
    return {
      tell: (value) => this.deliver(name, value),
      onTold: (listener) => void this.#listeners.set(name, listener),
    };
  }
}
