/**
 * A deadline: a signal that is aborted when time is up, or when the signal it was given is.
 *
 * End it when the work is done, so that no timer and no listener stays behind. The reason of a late one is a `DeadlineError`
 * that names what was too slow.
 */
import type { Clock } from "./clock.ts";

export class DeadlineError extends Error {
  override readonly name = "DeadlineError";
  readonly code = "ETIMEDOUT";
  /** Milliseconds that were granted. */
  readonly ms: number;
  constructor(what: string, ms: number) {
    super(`${what} timed out after ${ms} ms`);
    this.ms = ms;
  }
}

export interface Deadline {
  readonly signal: AbortSignal;
  /** Stops the timer; the signal is not aborted any more. Ending twice does nothing. */
  end(): void;
}

/** `what` reads as a subject: "TLS handshake". */
export function deadline(clock: Clock, ms: number, what: string, parent?: AbortSignal): Deadline {
  const controller = new AbortController();
  const end = () => {
    timer.cancel();
    parent?.removeEventListener("abort", onAbort);
  };
  const onAbort = () => {
    end();
    controller.abort(parent!.reason);
  };
  const timer = clock.after(ms, () => {
    end();
    controller.abort(new DeadlineError(what, ms));
  });
  if (parent?.aborted) onAbort();
  else parent?.addEventListener("abort", onAbort, { once: true });
  return { signal: controller.signal, end };
}
