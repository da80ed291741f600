/**
 * One call of one hook function: the event it is given, and the wait when it answers with a promise.
 *
 * A function that answers at once costs one small object. Its `signal` is made when it is first asked for, a timer is armed only once a
 * promise came back, and both end with the call.
 */
import type { Clock, Timer } from "../base/clock.ts";

/** What a promise came to. `gone`: the run was ended from outside. */
export type Waited =
  | { readonly kind: "said"; readonly value: unknown }
  | { readonly kind: "threw"; readonly fault: unknown }
  | { readonly kind: "late" }
  | { readonly kind: "gone" };

const LATE: Waited = { kind: "late" };
const GONE: Waited = { kind: "gone" };

/** The event as a function sees it: the caller's fields and `signal`. */
export class HookCall {
  #controller: AbortController | undefined;
  #outer: AbortSignal | undefined;
  #over = false;

  constructor(event: object, outer: AbortSignal | undefined) {
    Object.assign(this, event);
    this.#outer = outer;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#over) this.#controller.abort(new DOMException("The hook is over", "AbortError"));
      else if (this.#outer?.aborted) this.#controller.abort(this.#outer.reason);
      else this.#outer?.addEventListener("abort", this.#onOuter);
    }
    return this.#controller.signal;
  }

  /** A caller's own signal is not the function's: it comes by the run's options. */
  set signal(_given: AbortSignal) {}

  readonly #onOuter = (): void => this.#controller?.abort(this.#outer?.reason);

  /** Nothing of this call may be heeded any more. With a reason its signal is aborted. */
  static end(call: HookCall, reason?: unknown): void {
    // Nobody listens until the signal has been asked for.
    if (call.#controller !== undefined) call.#outer?.removeEventListener("abort", call.#onOuter);
    if (reason === undefined) return;
    call.#over = true;
    call.#controller?.abort(reason);
  }
}

/** Waits for `promise`, but no longer than `timeoutMs` (0: as long as it takes) nor than `outer` allows. Never rejects. */
export function waitFor(
  promise: PromiseLike<unknown>,
  call: HookCall,
  wait: { readonly clock: Clock; readonly timeoutMs: number; readonly outer: AbortSignal | undefined },
): Promise<Waited> {
  const { clock, timeoutMs, outer } = wait;
  return new Promise((resolve) => {
    let timer: Timer | undefined;
    let open = true;
    const finish = (waited: Waited, reason?: unknown) => {
      if (!open) return;
      open = false;
      timer?.cancel();
      outer?.removeEventListener("abort", onGone);
      HookCall.end(call, reason);
      resolve(waited);
    };
    const onGone = () => finish(GONE, outer!.reason ?? new DOMException("The client has gone", "AbortError"));
    if (outer?.aborted) onGone();
    else outer?.addEventListener("abort", onGone);
    if (open && timeoutMs > 0) {
      timer = clock.after(timeoutMs, () => finish(LATE, new DOMException("The plugin is late", "TimeoutError")));
    }
    // A late answer, or a late rejection, ends here and is heard by nobody.
    try {
      promise.then((value) => finish({ kind: "said", value }), (fault) => finish({ kind: "threw", fault }));
    } catch (fault) {
      // Not every thenable is a promise.
      finish({ kind: "threw", fault });
    }
  });
}
