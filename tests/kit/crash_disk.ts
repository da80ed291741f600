/**
 * A disk that forgets: what was not synced may be lost, torn or out of order after a crash, as POSIX allows.
 *
 * Offers the file calls of `Host`. Every operation that changes something is a step; at step `crashAt` the machine dies: that call and
 * all later ones throw `Crash`. `afterCrash(random)` is the disk the next start finds. `fail` lets single operations fail instead.
 */
import type { DirEntry, FileInfo, FsFile, Host, OpenOptions } from "../../src/host/types.ts";
import type { Bytes } from "../../src/base/bytes.ts";

export class Crash extends Error {
  override readonly name = "Crash";
}
export class NotFound extends Error {
  override readonly name = "NotFound";
}
export class AlreadyExists extends Error {
  override readonly name = "AlreadyExists";
}

export type DiskStep = "create" | "write" | "truncate" | "sync" | "synced" | "remove" | "rename" | "mkdir";
type Change = { readonly at: number; readonly bytes: Uint8Array } | { readonly truncate: number };

class Inode {
  data: Bytes = new Uint8Array(0);
  size = 0;
  safe: Bytes = new Uint8Array(0);
  changes: Change[] = [];

  apply(change: Change): void {
    if ("truncate" in change) {
      if (change.truncate < this.size) this.data.fill(0, change.truncate, this.size);
      return void (this.size = change.truncate);
    }
    const end = change.at + change.bytes.length;
    if (end > this.data.length) {
      const larger = new Uint8Array(Math.max(end, this.data.length * 2));
      larger.set(this.data.subarray(0, this.size));
      this.data = larger;
    }
    this.data.set(change.bytes, change.at);
    this.size = Math.max(this.size, end);
  }
}

class Directory {
  readonly names = new Map<string, Inode>();
  safe = new Map<string, Inode>();
  changes: { readonly name: string; readonly inode: Inode | undefined }[] = [];

  set(name: string, inode: Inode | undefined): void {
    if (inode === undefined) this.names.delete(name);
    else this.names.set(name, inode);
    this.changes.push({ name, inode });
  }
}

const SECTOR = 512;

export class CrashDisk {
  readonly #directories = new Map<string, Directory>([["", new Directory()]]);
  steps = 0;
  crashAt = Infinity;
  dead = false;
  /** Called at the moment of death. */
  died: () => void = () => {};
  openFiles = 0;
  /** Throw to fail an operation; return a number to let only so many octets of a write through first. */
  fail: (step: DiskStep, path: string) => number | void = () => {};

  /** The part of `Host` a queue needs. */
  get host(): Host {
    const calls: Partial<Host> = {
      openSync: (path, options) => this.#openSync(path, options),
      readFileSync: (path) => this.read(path),
      writeFileSync: (path, data) => {
        const file = this.#openSync(path, { write: true, create: true, truncate: true });
        file.writeSync(data);
        file.close();
      },
      mkdirSync: (path) => void this.#mkdir(path),
      readDirSync: (path) => this.#list(path),
      statSync: (path) => this.#stat(path),
      removeSync: (path) => {
        this.#step("remove", path);
        this.#need(path);
        this.#parent(path).set(leaf(path), undefined);
      },
      renameSync: (from, to) => {
        this.#step("rename", from);
        const inode = this.#need(from);
        this.#parent(to).set(leaf(to), inode);
        this.#parent(from).set(leaf(from), undefined);
      },
      errors: { NotFound, AlreadyExists },
      pid: 42,
    };
    return calls as Host;
  }

  read(path: string): Bytes {
    const inode = this.#need(path);
    return inode.data.slice(0, inode.size);
  }

  write(path: string, bytes: Uint8Array): void {
    const inode = new Inode();
    inode.apply({ at: 0, bytes });
    inode.safe = inode.data.slice(0, inode.size);
    this.#mkdir(path.slice(0, path.lastIndexOf("/")));
    const parent = this.#parent(path);
    parent.names.set(leaf(path), inode);
    parent.safe.set(leaf(path), inode);
  }

  names(path: string): string[] {
    return [...this.#list(path)].map(({ name }) => name).sort();
  }

  /** What the next start finds: all that was synced, and of the rest what chance left. */
  afterCrash(random: () => number): CrashDisk {
    const next = new CrashDisk();
    const how = random();
    const kept = new Map<Inode, Inode>();
    const rebuild = (inode: Inode) => {
      const known = kept.get(inode);
      if (known !== undefined) return known;
      const fresh = new Inode();
      fresh.apply({ at: 0, bytes: inode.safe });
      for (const change of inode.changes) survive(fresh, change, how, random);
      fresh.safe = fresh.data.slice(0, fresh.size);
      kept.set(inode, fresh);
      return fresh;
    };
    for (const [path, directory] of this.#directories) {
      const names = new Map(directory.safe);
      for (const { name, inode } of directory.changes) {
        if (how > 0.8 || random() < 0.5) {
          if (inode === undefined) names.delete(name);
          else names.set(name, inode);
        }
      }
      const fresh = new Directory();
      for (const [name, inode] of names) {
        fresh.names.set(name, rebuild(inode));
        fresh.safe.set(name, rebuild(inode));
      }
      next.#directories.set(path, fresh);
    }
    return next;
  }

  #step(step: DiskStep, path: string): number | void {
    if (this.dead) throw new Crash("The machine has died");
    if (++this.steps >= this.crashAt) {
      this.dead = true;
      this.died();
      throw new Crash(`The machine dies at ${step} ${path}`);
    }
    return this.fail(step, path);
  }

  #mkdir(path: string): void {
    if (this.dead) throw new Crash("The machine has died");
    // Directories are taken to be durable: they are made once, long before any mail.
    let at = "";
    for (const part of path.split("/").filter((one) => one !== "")) {
      at += `/${part}`;
      if (!this.#directories.has(at)) this.#directories.set(at, new Directory());
    }
  }

  #parent(path: string): Directory {
    const directory = this.#directories.get(path.slice(0, path.lastIndexOf("/")));
    if (directory === undefined) throw new NotFound(`No such directory: ${path}`);
    return directory;
  }

  #need(path: string): Inode {
    if (this.dead) throw new Crash("The machine has died");
    const inode = this.#parent(path).names.get(leaf(path));
    if (inode === undefined) throw new NotFound(`No such file: ${path}`);
    return inode;
  }

  #list(path: string): DirEntry[] {
    if (this.dead) throw new Crash("The machine has died");
    const entry = (name: string, isDirectory: boolean) => ({
      name,
      isDirectory,
      isFile: !isDirectory,
      isSymlink: false,
    });
    const below = [...this.#directories.keys()].filter((name) =>
      name.slice(0, name.lastIndexOf("/")) === path && name !== path
    );
    const directory = this.#directories.get(path);
    if (directory === undefined) throw new NotFound(`No such directory: ${path}`);
    return [
      ...[...directory.names.keys()].map((name) => entry(name, false)),
      ...below.map((name) => entry(leaf(name), true)),
    ];
  }

  #stat(path: string): FileInfo {
    const { size } = this.#need(path);
    return { isFile: true, isDirectory: false, isSymlink: false, size, mtime: null, mode: 0o600 };
  }

  #openSync(path: string, options: OpenOptions = { read: true }): FsFile {
    if (this.dead) throw new Crash("The machine has died");
    const directory = this.#directories.get(path);
    if (directory !== undefined) return this.#directoryFile(path, directory);
    let inode = this.#parent(path).names.get(leaf(path));
    if (inode !== undefined && options.createNew) throw new AlreadyExists(`File exists: ${path}`);
    if (inode === undefined) {
      if (!options.create && !options.createNew) throw new NotFound(`No such file: ${path}`);
      this.#step("create", path);
      inode = new Inode();
      this.#parent(path).set(leaf(path), inode);
    }
    if (options.truncate) this.#change(inode, { truncate: 0 });
    return this.#file(path, inode, options.append === true);
  }

  #change(inode: Inode, change: Change): void {
    inode.apply(change);
    inode.changes.push(change);
  }

  #file(path: string, inode: Inode, append: boolean): FsFile {
    let at = 0;
    this.openFiles++;
    const write = (bytes: Uint8Array) => {
      let limit: number | void;
      const put = (length: number) => {
        if (append) at = inode.size;
        this.#change(inode, { at, bytes: bytes.slice(0, length) });
        at += length;
        return length;
      };
      try {
        limit = this.#step("write", path);
      } catch (error) {
        // Dying in a write: the octets are on their way.
        if (error instanceof Crash && this.steps === this.crashAt) put(bytes.length);
        throw error;
      }
      return put(Math.min(bytes.length, limit ?? bytes.length));
    };
    const read = (into: Uint8Array) => {
      if (this.dead) throw new Crash("The machine has died");
      const part = inode.data.subarray(at, Math.min(inode.size, at + into.length));
      into.set(part);
      at += part.length;
      return part.length === 0 ? null : part.length;
    };
    const sync = async () => {
      this.#step("sync", path);
      const covered = inode.changes.length;
      const image = inode.data.slice(0, inode.size);
      await undefined;
      await undefined;
      this.#step("synced", path);
      inode.safe = image;
      inode.changes.splice(0, covered);
    };
    return {
      readSync: read,
      read: async (into) => read(into),
      writeSync: write,
      write: async (from) => write(from),
      seekSync: (offset, whence) => at = whence === 0 ? offset : whence === 1 ? at + offset : inode.size + offset,
      truncateSync: (length = 0) => {
        this.#step("truncate", path);
        this.#change(inode, { truncate: length });
      },
      statSync: () => this.#stat(path),
      syncData: sync,
      sync,
      close: () => void this.openFiles--,
    };
  }

  #directoryFile(path: string, directory: Directory): FsFile {
    this.openFiles++;
    return {
      sync: async () => {
        this.#step("sync", path);
        const covered = directory.changes.length;
        const image = new Map(directory.names);
        await undefined;
        this.#step("synced", path);
        directory.safe = image;
        directory.changes.splice(0, covered);
      },
      close: () => void this.openFiles--,
    } as FsFile;
  }
}

/** `how` above 0.8: everything survives, as when only the process dies; above 0.5: all up to a point; else sector by sector. */
function survive(inode: Inode, change: Change, how: number, random: () => number): void {
  if (how > 0.8) return inode.apply(change);
  if ("truncate" in change) {
    if (random() < 0.5) inode.apply(change);
    return;
  }
  const { at, bytes } = change;
  if (how > 0.5) return inode.apply({ at, bytes: bytes.subarray(0, Math.floor(random() * (bytes.length + 1))) });
  for (let from = 0; from < bytes.length; from += SECTOR) {
    if (random() < 0.7) inode.apply({ at: at + from, bytes: bytes.subarray(from, from + SECTOR) });
  }
}

function leaf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
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
