/**
 * Time, as a value that can be handed in.
 *
 * Offers the system's clock and the type that a test's clock satisfies. Promises that nothing above reads
 * `Date.now()` or arms a timer by itself. `sleep()` rejects with the signal's reason when it is aborted.
 */

/** A running timer. Cancelling twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Wall time, milliseconds since 1970-01-01T00:00:00Z. */
  now(): number;
  /** Milliseconds that only ever grow; for durations. */
  monotonic(): number;
  /** Calls `run` once, `ms` milliseconds from now. A timer does not keep the process alive. */
  after(ms: number, run: () => void): Timer;
}

/** `setTimeout` counts in a signed 32-bit integer; longer waits are armed in steps. */
const LONGEST_MS = 2_147_483_647;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, run) {
    let id: ReturnType<typeof setTimeout>;
    const arm = (left: number) => {
      id = left > LONGEST_MS
        ? setTimeout(() => arm(left - LONGEST_MS), LONGEST_MS)
        : setTimeout(run, Math.max(0, left));
    };
    arm(ms);
    return { cancel: () => clearTimeout(id) };
  },
};

/** Resolves after `ms` milliseconds; rejects with `signal.reason` as soon as the signal is aborted. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      timer.cancel();
      reject(signal!.reason);
    };
    const timer = clock.after(ms, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
