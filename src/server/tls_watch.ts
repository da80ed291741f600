/**
 * Tells when certificate files may have changed: their directories are watched, and looked at every `LOOK_MS` too, because no event comes
 * for what a link leads to elsewhere, or from a network's file system. What has changed is for the listener to see.
 */
import type { Clock, Timer } from "../base/clock.ts";
import type { ConfigHost } from "../config/layers.ts";
import { Quiet, watchDirectory } from "../config/watcher.ts";

export const LOOK_MS = 30_000;
/** A renewal writes several files; between them they do not fit. */
const QUIET_MS = 1_000;

export class TlsWatch {
  readonly #host: ConfigHost;
  readonly #clock: Clock;
  readonly #onChange: () => void;
  readonly #quiet: Quiet;
  readonly #watched = new Map<string, { close(): void }>();
  #timer: Timer | undefined;

  constructor(host: ConfigHost, clock: Clock, onChange: () => void) {
    this.#host = host;
    this.#clock = clock;
    this.#onChange = onChange;
    this.#quiet = new Quiet(clock, QUIET_MS, onChange);
    this.#look();
  }

  /** Watches these directories, and no others any more. */
  follow(directories: Iterable<string>): void {
    const wanted = new Set(directories);
    for (const [dir, watching] of this.#watched) {
      if (wanted.has(dir)) continue;
      watching.close();
      this.#watched.delete(dir);
    }
    for (const dir of wanted) {
      if (this.#watched.has(dir)) continue;
      // Without a watch the look at intervals is left.
      this.#watched.set(
        dir,
        watchDirectory(this.#host, dir, () => this.#quiet.poke(), () => this.#watched.delete(dir)),
      );
    }
  }

  close(): void {
    this.#timer?.cancel();
    this.#quiet.cancel();
    for (const watching of this.#watched.values()) watching.close();
    this.#watched.clear();
  }

  #look(): void {
    this.#timer = this.#clock.after(LOOK_MS, () => {
      this.#look();
      this.#onChange();
    });
  }
}
