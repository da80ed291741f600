/**
 * Work of which only so much is under way at one time; the rest waits for its turn, first come, first served.
 *
 * What the work throws reaches who asked for it, and the turn passes on all the same.
 */
export interface Turns {
  /** Rejects with the signal's reason when it is aborted before the turn has come: then `work` is never called. */
  <T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T>;
}

export function turns(most: number): Turns {
  let running = 0;
  const waiting = new Set<() => void>();

  function wait(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const come = () => {
        signal?.removeEventListener("abort", leave);
        resolve();
      };
      const leave = () => {
        waiting.delete(come);
        reject(signal!.reason);
      };
      waiting.add(come);
      signal?.addEventListener("abort", leave, { once: true });
    });
  }

  return async (work, signal) => {
    signal?.throwIfAborted();
    // A turn that is passed on stays counted, so that nobody slips in between.
    if (running < most) running++;
    else await wait(signal);
    try {
      return await work();
    } finally {
      const [next] = waiting;
      if (next === undefined) running--;
      else {
        waiting.delete(next);
        next();
      }
    }
  };
}
