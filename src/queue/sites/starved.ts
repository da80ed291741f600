/**
 * Sites whose slots other workers have: they are looked at again after a short while, for nobody tells when another worker gives one back.
 */
import type { Clock, Timer } from "../../base/clock.ts";
import type { Slots } from "../shared_slots.ts";

/** How soon it is looked whether another worker gave a slot back. */
const LOOK_AGAIN_MS = 10;

/** What is known of a site here. */
interface Starving {
  readonly site: { readonly name: string };
  /** Items in line. */
  readonly size: number;
}

export interface StarvedOptions<L> {
  /** A site may have room again. */
  look(lane: L): void;
  /** All were looked at: slots may be free. */
  looked(): void;
}

export class Starved<L extends Starving> {
  readonly #clock: Clock;
  readonly #slots: Slots;
  readonly #options: StarvedOptions<L>;
  readonly #lanes = new Set<L>();
  #timer: Timer | undefined;

  constructor(clock: Clock, slots: Slots, options: StarvedOptions<L>) {
    this.#clock = clock;
    this.#slots = slots;
    this.#options = options;
  }

  has(lane: L): boolean {
    return this.#lanes.has(lane);
  }

  delete(lane: L): void {
    this.#lanes.delete(lane);
  }

  /** A site got no slot; without one, there was none for anybody. */
  wait(lane: L | undefined): void {
    if (lane !== undefined) this.#lanes.add(lane);
    this.#timer ??= this.#clock.after(LOOK_AGAIN_MS, () => {
      this.#timer = undefined;
      this.#lookAgain();
    });
  }

  /** Nothing is waited for any more. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#slots.unwant();
  }

  #lookAgain(): void {
    for (const lane of [...this.#lanes]) {
      this.#lanes.delete(lane);
      if (lane.size === 0) this.#slots.unwant(lane.site.name);
      this.#options.look(lane);
    }
    this.#options.looked();
    // What was waited for in vain is waited for by nobody else on our behalf.
    if (this.#timer === undefined) this.#slots.unwant();
  }
}
