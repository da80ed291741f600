/** What a fuzz target is. One file per target under `targets/`, which exports it as `default`; the file's name is the target's. */
import type { Random } from "./random.ts";

export interface FuzzTarget {
  /** Inputs to begin with, besides the files of `corpus/<name>/`. At least one. */
  readonly seeds: readonly string[];
  /** Pieces worth inserting. */
  readonly words: readonly string[];
  /** Holds the laws up to one input; throws when one is broken. Whatever takes longer than the runner's limit counts as hanging. */
  check(input: Uint8Array<ArrayBuffer>, random: Random): void | Promise<void>;
}
