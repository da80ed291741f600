/**
 * Tells that something in a directory has changed, once it has been quiet for a while.
 *
 * It is the directory that is watched, not its files: a file is lost from sight with the first atomic replacement. What changed is
 * not told, because events differ from system to system; the listener compares contents. Never throws: without a
 * directory to watch there is nothing to tell.
 */
import type { Clock, Timer } from "../base/clock.ts";
import type { ConfigHost } from "./layers.ts";

/** Calls `run` after `quietMs` without a further poke, at the latest after six times as long. */
export class Quiet {
  readonly #clock: Clock;
  readonly #quietMs: number;
  readonly #run: () => void;
  #timer: Timer | undefined;
  #latest = 0;

  constructor(clock: Clock, quietMs: number, run: () => void) {
    this.#clock = clock;
    this.#quietMs = quietMs;
    this.#run = run;
  }

  poke(): void {
    const now = this.#clock.monotonic();
    if (this.#timer === undefined) this.#latest = now + 6 * this.#quietMs;
    else this.#timer.cancel();
    this.#timer = this.#clock.after(Math.min(this.#quietMs, Math.max(0, this.#latest - now)), () => {
      this.#timer = undefined;
      this.#run();
    });
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}

/** Watches `dir` and all below it until closed. `onLost` hears why when watching is not possible, or ends by itself. */
export function watchDirectory(
  host: ConfigHost,
  dir: string,
  onEvent: () => void,
  onLost: (reason: unknown) => void,
): { close(): void } {
  let closed = false;
  let events: ReturnType<ConfigHost["watchFs"]>;
  try {
    events = host.watchFs(dir, { recursive: true });
  } catch (reason) {
    onLost(reason);
    return { close() {} };
  }
  const listen = async () => {
    // Reading a file is an event of the kind "access" on some systems, and we read.
    for await (const event of events) if (!closed && event.kind !== "access") onEvent();
  };
  listen().catch((reason) => {
    if (!closed) onLost(reason);
  });
  return {
    close() {
      if (closed) return;
      closed = true;
      events.close();
    },
  };
}
