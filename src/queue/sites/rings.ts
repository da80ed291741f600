/**
 * Whose turn it is: strands that may go wait in a ring for each standing of their sites, and the rings take turns, each while it has not used up its
 * part of the slots. Sites that nobody has reached yet and those that fail share a part of them, so that hosts which don't answer never hold them all.
 */
import type { Standing } from "./site_state.ts";
import type { Strand } from "./strands.ts";
import { Turns } from "./turns.ts";

/** Slots; of fewer none are kept back. */
const FEW = 8;
/** The standings a site may have, and how many of all slots are theirs at most: a quarter is kept for those that are reached. */
const PARTS: readonly { readonly standing: Standing; readonly room: (slots: number) => number }[] = [
  { standing: "proven", room: () => Infinity },
  { standing: "new", room: (slots) => slots - Math.floor(slots / 4) },
  { standing: "failing", room: (slots) => Math.max(1, Math.floor(slots / 4)) },
];
const PLACES = { proven: 0, new: 1, failing: 2 } as const satisfies { readonly [S in Standing]: number };

export class Rings<T> {
  #rings: Turns<Strand<T>>[] = PARTS.map(() => new Turns());
  /** Deliveries under way, by the standing of their sites when they began. */
  readonly #running = PARTS.map(() => 0);
  #turn = 0;

  enter(strand: Strand<T>): void {
    const { lane, level, flow } = strand;
    strand.place = "ring";
    lane.inRing++;
    this.#rings[PLACES[lane.state.standing]]!.push(strand, level, flow);
  }

  /** Puts back who was let go too early: next of its turns. */
  putBack(strand: Strand<T>): void {
    const { lane, level, flow } = strand;
    strand.place = "ring";
    lane.inRing++;
    this.#rings[PLACES[lane.state.standing]]!.unshift(strand, level, flow);
  }

  /** The next of all, by so many slots as there are. */
  next(slots: number): Strand<T> | undefined {
    for (let i = 0; i < PARTS.length; i++) {
      const at = (this.#turn + i) % PARTS.length;
      const ring = this.#rings[at]!;
      const room = PARTS[at]!.room(slots);
      // What fails has been new: both together have no more than what is new.
      const taken = at === PLACES.new ? this.#running[at]! + this.#running[PLACES.failing]! : this.#running[at]!;
      while (ring.size > 0 && taken < room) {
        const strand = ring.shift()!;
        const { lane, level, flow } = strand;
        const standing = PLACES[lane.state.standing];
        if (standing !== at) {
          this.#rings[standing]!.push(strand, level, flow);
          continue;
        }
        lane.inRing--;
        strand.place = "none";
        this.#turn = at + 1;
        return strand;
      }
    }
    return undefined;
  }

  /** So many sites that nobody has reached yet are tried that each gets one delivery before any gets more. */
  isCrowded(slots: number): boolean {
    return slots >= FEW &&
      this.#running[PLACES.new]! + this.#running[PLACES.failing]! >= PARTS[PLACES.new]!.room(slots) / 2;
  }

  /** A delivery to a site of that standing begins. */
  began(standing: Standing): void {
    this.#running[PLACES[standing]]!++;
  }

  /** One that began when its site had that standing has ended. */
  ended(standing: Standing): void {
    this.#running[PLACES[standing]]!--;
  }

  /** Nobody waits any more. */
  clear(): void {
    this.#rings = PARTS.map(() => new Turns());
  }
}
