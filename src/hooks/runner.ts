/** Runs the functions of a hook in order and says what came of it. */
import type { Logger } from "../log/types.ts";
import type { HookEvent, HookName, HookVerdict } from "./points.ts";

/** `verdict` is undefined when everyone said nothing; `by` names the plugin that gave it. */
export interface HookOutcome<N extends HookName> {
  readonly verdict: HookVerdict<N> | undefined;
  readonly by: string | undefined;
}

export interface RunOptions {
  readonly log: Logger;
  /** Ends the run (the client has gone, the server stops): the outcome then is "nothing said". */
  readonly signal?: AbortSignal;
}

/** What session, queue and delivery need of the runner. */
export interface Hooks {
  /** Whether any plugin listens: ask before building a costly event. */
  has(name: HookName): boolean;
  /**
   * Runs a hook. A promise only when a function answered with one. The runner adds `signal` to the event. Faults and late functions
   * count as the hook's rule says; this never rejects.
   */
  run<N extends HookName>(
    name: N,
    event: Omit<HookEvent<N>, "signal">,
    options: RunOptions,
  ): HookOutcome<N> | Promise<HookOutcome<N>>;
}
