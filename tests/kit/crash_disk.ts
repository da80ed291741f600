/**
 * A disk that forgets: what was not synced may be lost, torn, garbled or out of order after a crash, as POSIX allows; so may names that no
 * sync of their directory has covered. A rename is one step: a crash parts its two names never, as on every file system with a journal.
 *
 * Offers the file calls of `Host`. Every operation that changes something is a step; at step `crashAt` the machine dies: that call and
 * all later ones throw `Crash`. `afterCrash(random)` is the disk the next start finds after a loss of power, `afterKill()` that after the
 * death of the process alone. `fail` lets single operations fail instead; octets whose sync failed are never safe.
 */
import type { Bytes } from "../../src/base/bytes.ts";
import type { DirEntry, FileInfo, FsFile, Host, OpenOptions } from "../../src/host/types.ts";
import { Directory, Inode, keep, Names, type Node, seeded } from "./crash_files.ts";

export { seeded };

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

/** The tree, which outlives the process that works on it. */
interface Tree {
  readonly root: Directory;
  readonly names: Names;
}

export class CrashDisk {
  #tree: Tree = { root: new Directory(), names: new Names() };
  steps = 0;
  crashAt = Infinity;
  dead = false;
  /** Called at the moment of death. */
  died: () => void = () => {};
  openFiles = 0;
  /** Throw to fail an operation; return a number to let only so many octets of a write through first. */
  fail: (step: DiskStep, path: string) => number | void = () => {};
  /** Directories are safe from the moment they are made; false: not before the one they lie in is synced. */
  lasting = true;

  /** The part of `Host` a queue needs. */
  get host(): Host {
    const calls: Partial<Host> = {
      openSync: (path, options) => this.#openSync(path, options),
      readFileSync: (path) => this.read(path),
      writeFileSync: (path, data) => {
        const file = this.#openSync(path, { write: true, create: true, truncate: true });
        try {
          file.writeSync(data);
        } finally {
          file.close();
        }
      },
      mkdirSync: (path, options) => void this.#mkdir(path, options?.recursive === true),
      readDirSync: (path) => this.#list(path),
      statSync: (path) => this.#stat(path),
      removeSync: (path) => {
        const node = this.#find(path);
        if (node instanceof Directory && node.names.size > 0) throw new Error(`Directory not empty: ${path}`);
        this.#step("remove", path);
        this.#tree.names.change([{ directory: this.#parent(path), name: leaf(path), node: undefined }]);
      },
      renameSync: (from, to) => {
        const node = this.#find(from);
        this.#step("rename", from);
        this.#tree.names.change([
          { directory: this.#parent(from), name: leaf(from), node: undefined },
          { directory: this.#parent(to), name: leaf(to), node },
        ]);
      },
      linkSync: (from, to) => {
        this.#step("rename", from);
        const node = this.#find(from);
        const directory = this.#parent(to);
        if (directory.names.has(leaf(to))) throw new AlreadyExists(`File exists: ${to}`);
        this.#tree.names.change([{ directory, name: leaf(to), node }]);
      },
      readTextFileSync: (path) => new TextDecoder().decode(this.read(path)),
      errors: { NotFound, AlreadyExists },
      pid: 42,
    };
    return calls as Host;
  }

  read(path: string): Bytes {
    const { now } = this.#file(path);
    return now.data.slice(0, now.size);
  }

  /** Puts a file there that is safe, whatever happens. */
  write(path: string, bytes: Uint8Array): void {
    const inode = new Inode();
    inode.write(0, bytes);
    inode.settle(inode.mark());
    this.#mkdir(path.slice(0, path.lastIndexOf("/")), true, true);
    const parent = this.#parent(path);
    parent.names.set(leaf(path), inode);
    parent.safe.set(leaf(path), inode);
  }

  names(path: string): string[] {
    return [...this.#list(path)].map(({ name }) => name).sort();
  }

  /** Whether programs read octets that no sync will ever save. */
  get deceives(): boolean {
    const inside = ({ names }: Directory): boolean =>
      [...names.values()].some((node) => node instanceof Directory ? inside(node) : node.dropped);
    return inside(this.#tree.root);
  }

  /** The machine dies now. */
  die(): void {
    if (this.dead) return;
    this.dead = true;
    this.died();
  }

  /** What the next start finds: all that was synced, and of the rest what chance left. This disk stays as it is. */
  afterCrash(random: () => number): CrashDisk {
    const how = random();
    const next = new CrashDisk();
    next.lasting = this.lasting;
    const twins = new Map<Node, Node>();
    const lasting = this.#tree.names.remains(how, random);
    // In two rounds: what is there at all, and then with which octets.
    const twin = (node: Node): Node => {
      let known = twins.get(node);
      if (known !== undefined) return known;
      known = node instanceof Directory ? new Directory() : node.remains(how, random);
      twins.set(node, known);
      return known;
    };
    const moved = new Map<Directory, Map<string, Node>>();
    const left = (directory: Directory) => {
      const names = moved.get(directory) ?? new Map(directory.safe);
      moved.set(directory, names);
      return names;
    };
    for (const change of lasting) keep(change, left);
    const rebuild = (from: Directory, into: Directory) => {
      for (const [name, node] of left(from)) {
        const made = twin(node);
        into.names.set(name, made);
        into.safe.set(name, made);
        if (node instanceof Directory) rebuild(node, made as Directory);
      }
    };
    rebuild(this.#tree.root, next.#tree.root);
    return next;
  }

  /** What the next start finds when only the process died: everything, as unsafe as it was. This disk is dead from now on. */
  afterKill(): CrashDisk {
    this.dead = true;
    const next = new CrashDisk();
    next.lasting = this.lasting;
    next.#tree = this.#tree;
    return next;
  }

  #step(step: DiskStep, path: string): number | void {
    if (this.dead) throw new Crash("The machine has died");
    if (++this.steps >= this.crashAt) {
      this.die();
      throw new Crash(`The machine dies at ${step} ${path}`);
    }
    return this.fail(step, path);
  }

  #mkdir(path: string, recursive: boolean, safe = this.lasting): void {
    if (this.dead) throw new Crash("The machine has died");
    let at = this.#tree.root;
    const parts = path.split("/").filter((one) => one !== "");
    for (const [i, name] of parts.entries()) {
      const found = at.names.get(name);
      if (found instanceof Inode) throw new AlreadyExists(`File exists: ${path}`);
      if (found === undefined) {
        if (!recursive && i < parts.length - 1 && !safe) throw new NotFound(`No such directory: ${path}`);
        const made = new Directory();
        if (safe) {
          at.names.set(name, made);
          at.safe.set(name, made);
        } else {
          this.#step("mkdir", path);
          this.#tree.names.change([{ directory: at, name, node: made }]);
        }
        at = made;
      } else at = found;
    }
  }

  #look(path: string): Node | undefined {
    let at: Node | undefined = this.#tree.root;
    for (let from = 1; from < path.length;) {
      if (!(at instanceof Directory)) return undefined;
      const slash = path.indexOf("/", from);
      const end = slash < 0 ? path.length : slash;
      at = at.names.get(path.slice(from, end));
      from = end + 1;
    }
    return at;
  }

  #find(path: string): Node {
    if (this.dead) throw new Crash("The machine has died");
    const node = this.#look(path);
    if (node === undefined) throw new NotFound(`No such file or directory: ${path}`);
    return node;
  }

  #parent(path: string): Directory {
    const directory = this.#look(path.slice(0, path.lastIndexOf("/")));
    if (!(directory instanceof Directory)) throw new NotFound(`No such directory: ${path}`);
    return directory;
  }

  #file(path: string): Inode {
    const node = this.#find(path);
    if (node instanceof Directory) throw new Error(`Is a directory: ${path}`);
    return node;
  }

  #list(path: string): DirEntry[] {
    const directory = this.#find(path);
    if (!(directory instanceof Directory)) throw new NotFound(`No such directory: ${path}`);
    return [...directory.names].map(([name, node]) => {
      const isDirectory = node instanceof Directory;
      return { name, isDirectory, isFile: !isDirectory, isSymlink: false };
    });
  }

  #stat(path: string): FileInfo {
    const node = this.#find(path);
    const isDirectory = node instanceof Directory;
    return {
      isFile: !isDirectory,
      isDirectory,
      isSymlink: false,
      size: isDirectory ? 0 : node.size,
      mtime: null,
      mode: 0o600,
    };
  }

  #openSync(path: string, options: OpenOptions = { read: true }): FsFile {
    if (this.dead) throw new Crash("The machine has died");
    let node = this.#look(path);
    if (node instanceof Directory) return this.#directoryFile(path, node);
    if (node !== undefined && options.createNew) throw new AlreadyExists(`File exists: ${path}`);
    if (node === undefined) {
      if (!options.create && !options.createNew) throw new NotFound(`No such file: ${path}`);
      const directory = this.#parent(path);
      this.#step("create", path);
      node = new Inode();
      this.#tree.names.change([{ directory, name: leaf(path), node }]);
    }
    if (options.truncate) node.truncate(0);
    return this.#openFile(path, node, options.append === true);
  }

  #openFile(path: string, inode: Inode, append: boolean): FsFile {
    let at = 0;
    this.openFiles++;
    const put = (bytes: Uint8Array) => {
      if (append) at = inode.size;
      inode.write(at, bytes);
      at += bytes.length;
      return bytes.length;
    };
    const write = (bytes: Uint8Array) => {
      const wasAlive = !this.dead;
      let limit: number | void;
      try {
        limit = this.#step("write", path);
      } catch (error) {
        // Dying in a write: the octets are on their way.
        if (error instanceof Crash && wasAlive) put(bytes);
        throw error;
      }
      return put(limit === undefined || limit >= bytes.length ? bytes : bytes.subarray(0, limit));
    };
    const read = (into: Uint8Array) => {
      if (this.dead) throw new Crash("The machine has died");
      const part = inode.now.data.subarray(at, Math.max(at, Math.min(inode.size, at + into.length)));
      into.set(part);
      at += part.length;
      return part.length === 0 ? null : part.length;
    };
    const sync = async () => {
      const mark = inode.mark();
      try {
        this.#step("sync", path);
        await undefined;
        await undefined;
        this.#step("synced", path);
      } catch (error) {
        if (!(error instanceof Crash)) inode.drop(mark);
        throw error;
      }
      inode.settle(mark);
    };
    return {
      readSync: read,
      read: async (into) => read(into),
      writeSync: write,
      write: async (from) => write(from),
      seekSync: (offset, whence) => at = whence === 0 ? offset : whence === 1 ? at + offset : inode.size + offset,
      truncateSync: (length = 0) => {
        this.#step("truncate", path);
        inode.truncate(length);
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
        const mark = this.#tree.names.mark();
        this.#step("sync", path);
        await undefined;
        this.#step("synced", path);
        this.#tree.names.settle(directory, mark);
      },
      close: () => void this.openFiles--,
    } as FsFile;
  }
}

function leaf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
