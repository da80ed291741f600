/**
 * What lies on a {@linkcode CrashDisk}: files that know which of their changes are safe, directories, and the journal of names.
 *
 * Data and names are apart, as on a disk: syncing a file makes its octets safe and not its name, syncing a directory the reverse.
 */
import type { Bytes } from "../../src/base/bytes.ts";

interface Change {
  readonly order: number;
  readonly at: number;
  /** Undefined: the file ends at `at`. */
  readonly bytes: Uint8Array | undefined;
  /** A sync that should have covered it failed: no later one covers it, as on Linux. */
  dropped: boolean;
}

const SECTOR = 512;
const NOTHING: Bytes = new Uint8Array(0);

/** Octets that grow and shrink. */
class Octets {
  data: Bytes = NOTHING;
  size = 0;

  put(at: number, bytes: Uint8Array | undefined): void {
    if (bytes === undefined) {
      if (at < this.size) this.data.fill(0, at, this.size);
      else this.#room(at);
      return void (this.size = at);
    }
    const end = at + bytes.length;
    this.#room(end);
    this.data.set(bytes, at);
    this.size = Math.max(this.size, end);
  }

  copy(): Octets {
    const copy = new Octets();
    copy.data = this.data.slice(0, this.size);
    copy.size = this.size;
    return copy;
  }

  #room(wanted: number): void {
    if (wanted <= this.data.length) return;
    const larger = new Uint8Array(Math.max(256, wanted, this.data.length * 2));
    larger.set(this.data.subarray(0, this.size));
    this.data = larger;
  }
}

export class Inode {
  /** As programs read it. */
  readonly now: Octets;
  /** As it is after any crash. */
  readonly safe: Octets;
  #changes: Change[] = [];
  #order = 0;

  constructor(content?: Octets) {
    this.safe = content ?? new Octets();
    this.now = this.safe.copy();
  }

  get size(): number {
    return this.now.size;
  }

  /** Whether octets were lost that programs still read. */
  get dropped(): boolean {
    return this.#changes.some(({ dropped }) => dropped);
  }

  write(at: number, bytes: Uint8Array): void {
    this.#change(at, bytes.slice());
  }

  truncate(size: number): void {
    this.#change(size, undefined);
  }

  /** What a sync that begins now covers. */
  mark(): number {
    return this.#order;
  }

  /** That sync has ended well. */
  settle(mark: number): void {
    const left: Change[] = [];
    for (const change of this.#changes) {
      if (change.order > mark) left.push(change);
      else if (!change.dropped) this.safe.put(change.at, change.bytes);
    }
    this.#changes = left;
  }

  /** That sync has failed. */
  drop(mark: number): void {
    for (const change of this.#changes) if (change.order <= mark) change.dropped = true;
  }

  /** What a crash leaves of it. */
  remains(how: number, random: () => number): Inode {
    const left = this.safe.copy();
    for (const change of this.#changes) survive(left, change, how, random);
    return new Inode(left);
  }

  #change(at: number, bytes: Uint8Array | undefined): void {
    this.now.put(at, bytes);
    this.#changes.push({ order: ++this.#order, at, bytes, dropped: false });
  }
}

/**
 * `how` above 0.8: everything survives; above 0.5: all up to a point; else sector by sector: a sector is there, or only the file's new size
 * is, or a bit of it has turned over, or there is nothing.
 */
function survive(left: Octets, { at, bytes }: Change, how: number, random: () => number): void {
  if (how > 0.8) return left.put(at, bytes);
  if (bytes === undefined) {
    if (random() < 0.5) left.put(at, undefined);
    return;
  }
  if (how > 0.5) return left.put(at, bytes.subarray(0, Math.floor(random() * (bytes.length + 1))));
  for (let from = 0; from < bytes.length; from += SECTOR) {
    const sector = bytes.subarray(from, from + SECTOR);
    const dice = random();
    if (dice < 0.6) left.put(at + from, sector);
    else if (dice < 0.7) left.put(Math.max(left.size, at + from + sector.length), undefined);
    else if (dice < 0.78) {
      const turned = sector.slice();
      const bit = Math.floor(random() * turned.length * 8);
      turned[bit >> 3]! ^= 1 << (bit & 7);
      left.put(at + from, turned);
    }
  }
}

export type Node = Inode | Directory;

export class Directory {
  readonly names = new Map<string, Node>();
  readonly safe = new Map<string, Node>();
}

interface Entry {
  readonly directory: Directory;
  readonly name: string;
  /** Undefined: the name is gone. */
  readonly node: Node | undefined;
}

/** One step of the file system: all of its entries survive a crash, or none. */
export interface NameChange {
  readonly order: number;
  readonly entries: readonly Entry[];
}

/** Changes of names that no sync has covered yet, oldest first. */
export class Names {
  #changes: NameChange[] = [];
  #order = 0;

  change(entries: readonly Entry[]): void {
    for (const { directory, name, node } of entries) {
      if (node === undefined) directory.names.delete(name);
      else directory.names.set(name, node);
    }
    this.#changes.push({ order: ++this.#order, entries });
  }

  mark(): number {
    return this.#order;
  }

  /** A sync of `directory` that began at `mark` has ended: its changes are safe, with those that they stand on. */
  settle(directory: Directory, mark: number): void {
    const wanted = new Map<Directory, Set<string>>();
    const covered = new Set<NameChange>();
    for (let i = this.#changes.length - 1; i >= 0; i--) {
      const change = this.#changes[i]!;
      if (change.order > mark) continue;
      if (!change.entries.some((one) => one.directory === directory || wanted.get(one.directory)?.has(one.name))) {
        continue;
      }
      covered.add(change);
      for (const one of change.entries) {
        const names = wanted.get(one.directory) ?? new Set();
        wanted.set(one.directory, names.add(one.name));
      }
    }
    if (covered.size === 0) return;
    for (const change of this.#changes) if (covered.has(change)) keep(change, (one) => one.safe);
    this.#changes = this.#changes.filter((change) => !covered.has(change));
  }

  /** Those that a crash leaves, by chance: in any choice, or (`how` above 0.65, as a journaling file system) all up to a point. */
  remains(how: number, random: () => number): NameChange[] {
    if (how > 0.8) return this.#changes;
    if (how > 0.65) return this.#changes.slice(0, Math.floor(random() * (this.#changes.length + 1)));
    // No file system puts a name into a directory that it has not made.
    const unmade = new Set<Directory>();
    return this.#changes.filter(({ entries }) => {
      if (!entries.some(({ directory }) => unmade.has(directory)) && random() < 0.5) return true;
      const [{ node }, ...more] = entries as [Entry, ...Entry[]];
      if (more.length === 0 && node instanceof Directory) unmade.add(node);
      return false;
    });
  }
}

export function keep({ entries }: NameChange, where: (directory: Directory) => Map<string, Node>): void {
  for (const { directory, name, node } of entries) {
    if (node === undefined) where(directory).delete(name);
    else where(directory).set(name, node);
  }
}

/** A small generator of numbers in [0, 1) that a seed repeats. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ state >>> 15, state | 1);
    mixed ^= mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61);
    return ((mixed ^ mixed >>> 14) >>> 0) / 4294967296;
  };
}
