/**
 * Many who wait for one signal's abort: a listener of its own for each costs a microsecond to add, and to remove as many looks as there are others.
 */
const SETS = new WeakMap<AbortSignal, Set<() => void>>();

/** `run` is called once the signal is aborted, unless {@linkcode notWhenAborted} comes first; at once when it has been. It must not throw. */
export function whenAborted(signal: AbortSignal, run: () => void): void {
  if (signal.aborted) return run();
  let waiting = SETS.get(signal);
  if (waiting === undefined) {
    const all = waiting = new Set();
    SETS.set(signal, all);
    signal.addEventListener("abort", () => {
      for (const each of all) each();
      all.clear();
    }, { once: true });
  }
  waiting.add(run);
}

export function notWhenAborted(signal: AbortSignal, run: () => void): void {
  SETS.get(signal)?.delete(run);
}
