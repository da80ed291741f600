/** A value that changes over time, with those who want to hear of it. */
import type { Live } from "./types.ts";

export class LiveValue<T> implements Live<T> {
  #value: T;
  readonly #listeners = new Set<(value: T) => void>();

  constructor(value: T) {
    this.#value = value;
  }

  get value(): T {
    return this.#value;
  }

  onChange(listener: (value: T) => void): () => void {
    // A function of its own, so that one listener given twice is two subscriptions.
    const own = (value: T) => listener(value);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** Takes the new value over, then tells everyone. What a listener throws goes to `onThrow`; the others are told all the same. */
  set(value: T, onThrow: (reason: unknown) => void): void {
    this.#value = value;
    for (const listener of [...this.#listeners]) {
      try {
        listener(value);
      } catch (reason) {
        onThrow(reason);
      }
    }
  }
}

/**
 * A live value computed from others, anew whenever one of them changes. Throws what `compute` throws the first time; later a failure goes to
 * `onThrow` and the last good value stays. `close` ends the subscriptions.
 */
export function derive<T>(
  sources: readonly Live<unknown>[],
  compute: () => T,
  onThrow: (reason: unknown) => void,
): { readonly live: Live<T>; close(): void } {
  const live = new LiveValue(compute());
  const refresh = () => {
    try {
      live.set(compute(), onThrow);
    } catch (reason) {
      onThrow(reason);
    }
  };
  const ends = sources.map((source) => source.onChange(refresh));
  return { live, close: () => ends.forEach((end) => end()) };
}
