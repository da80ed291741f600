/**
 * A disk in memory, with a seam at every operation that touches it.
 *
 * Set `before` to see or to fail them: a function that throws makes the operation fail with what it throws (`noSpace()`, `ioError()`);
 * one that returns a number makes a write short by giving how many octets get through ("torn"). A crash is simulated by
 * building a new disk from what the watcher of `before` knows to be synced.
 */
import type { Bytes } from "../../src/base/bytes.ts";
import type { DirEntry, FileInfo, FsFile, OpenOptions } from "../../src/host/types.ts";

export type DiskOperation =
  | { readonly kind: "open" | "mkdir" | "remove" | "truncate" | "sync" | "read"; readonly path: string }
  | { readonly kind: "write"; readonly path: string; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly kind: "rename" | "link"; readonly path: string; readonly to: string };

export class MemoryNotFound extends Error {
  override readonly name = "NotFound";
  readonly code = "ENOENT";
}
export class MemoryAlreadyExists extends Error {
  override readonly name = "AlreadyExists";
  readonly code = "EEXIST";
}
export function diskError(code: string, text: string): Error {
  return Object.assign(new Error(`${text} (${code})`), { code });
}
export const noSpace = (): Error => diskError("ENOSPC", "No space left on device");
export const ioError = (): Error => diskError("EIO", "Input/output error");

/** A file's content; several names may lead to it, and it outlives them while it is open. */
export interface MemoryNode {
  data: Bytes;
  size: number;
  mode: number;
  mtime: number;
}

export class MemoryDisk {
  readonly files: Map<string, MemoryNode> = new Map();
  readonly directories: Set<string> = new Set(["/"]);
  /** Called before each operation; throw to fail it, return a number to cut a write short. */
  before: (operation: DiskOperation) => number | void = () => {};
  /** Called after a name was made, changed or taken away. */
  changed: (kind: "create" | "modify" | "remove", path: string) => void = () => {};
  /** Files now open. */
  open: number = 0;
  readonly #now: () => number;

  constructor(now: () => number = () => 0) {
    this.#now = now;
  }

  openSync(name: string, options: OpenOptions = { read: true }): FsFile {
    const path = absolute(name);
    this.before({ kind: "open", path });
    if (this.directories.has(path)) return this.#directory(path);
    let node = this.files.get(path);
    if (node !== undefined && options.createNew) throw new MemoryAlreadyExists(`File exists: ${path}`);
    if (node === undefined) {
      if (!options.create && !options.createNew) throw new MemoryNotFound(`No such file or directory: ${path}`);
      this.#needParent(path);
      node = { data: new Uint8Array(0), size: 0, mode: options.mode ?? 0o666, mtime: this.#now() };
      this.files.set(path, node);
      this.changed("create", path);
    } else if (options.truncate) {
      node.size = 0;
    }
    this.open++;
    return new MemoryFile(this, path, node, options.append === true, this.#now);
  }

  readFileSync(name: string): Bytes {
    const path = absolute(name);
    this.before({ kind: "read", path });
    const node = this.#need(path);
    return node.data.slice(0, node.size);
  }

  readTextFileSync(name: string): string {
    return new TextDecoder().decode(this.readFileSync(name));
  }

  writeFileSync(name: string, data: Uint8Array, options: OpenOptions = {}): void {
    const file = this.openSync(name, {
      ...options,
      write: true,
      create: options.create ?? true,
      truncate: !options.append,
    });
    try {
      for (let at = 0; at < data.length;) at += file.writeSync(data.subarray(at));
    } finally {
      file.close();
    }
  }

  writeTextFileSync(name: string, data: string, options?: OpenOptions): void {
    this.writeFileSync(name, new TextEncoder().encode(data), options);
  }

  mkdirSync(name: string, options?: { recursive?: boolean }): void {
    const path = absolute(name);
    this.before({ kind: "mkdir", path });
    if (this.files.has(path)) throw new MemoryAlreadyExists(`File exists: ${path}`);
    if (this.directories.has(path)) {
      if (options?.recursive) return;
      throw new MemoryAlreadyExists(`File exists: ${path}`);
    }
    if (options?.recursive) {
      for (let up = parent(path); !this.directories.has(up); up = parent(up)) this.directories.add(up);
    }
    this.#needParent(path);
    this.directories.add(path);
    this.changed("create", path);
  }

  *readDirSync(name: string): Iterable<DirEntry> {
    const path = absolute(name);
    if (!this.directories.has(path)) throw new MemoryNotFound(`No such file or directory: ${path}`);
    for (const other of [...this.directories]) {
      if (other !== "/" && parent(other) === path) yield entry(other, true);
    }
    for (const other of [...this.files.keys()]) if (parent(other) === path) yield entry(other, false);
  }

  renameSync(from: string, to: string): void {
    const path = absolute(from);
    const target = absolute(to);
    this.before({ kind: "rename", path, to: target });
    this.#needParent(target);
    if (this.directories.has(path)) {
      for (const old of [...this.directories]) {
        if (old !== path && !old.startsWith(`${path}/`)) continue;
        this.directories.delete(old);
        this.directories.add(target + old.slice(path.length));
      }
      for (const [old, node] of [...this.files]) {
        if (!old.startsWith(`${path}/`)) continue;
        this.files.delete(old);
        this.files.set(target + old.slice(path.length), node);
      }
    } else {
      const node = this.#need(path);
      this.files.delete(path);
      this.files.set(target, node);
    }
    this.changed("remove", path);
    this.changed("create", target);
  }

  linkSync(from: string, to: string): void {
    const path = absolute(from);
    const target = absolute(to);
    this.before({ kind: "link", path, to: target });
    this.#needParent(target);
    const node = this.#need(path);
    if (this.files.has(target)) throw new MemoryAlreadyExists(`File exists: ${target}`);
    this.files.set(target, node);
    this.changed("create", target);
  }

  removeSync(name: string, options?: { recursive?: boolean }): void {
    const path = absolute(name);
    this.before({ kind: "remove", path });
    if (this.files.delete(path)) return this.changed("remove", path);
    if (!this.directories.has(path)) throw new MemoryNotFound(`No such file or directory: ${path}`);
    const below = (other: string) => other.startsWith(`${path}/`);
    const inside = [...this.directories, ...this.files.keys()].filter(below);
    if (inside.length > 0 && !options?.recursive) throw diskError("ENOTEMPTY", `Directory not empty: ${path}`);
    for (const other of inside) {
      this.files.delete(other);
      this.directories.delete(other);
    }
    this.directories.delete(path);
    this.changed("remove", path);
  }

  statSync(name: string): FileInfo {
    const path = absolute(name);
    return this.directories.has(path) ? DIRECTORY : info(this.#need(path));
  }

  lstatSync(name: string): FileInfo {
    return this.statSync(name);
  }

  realPathSync(name: string): string {
    this.statSync(name);
    return absolute(name);
  }

  chmodSync(name: string, mode: number): void {
    this.#need(absolute(name)).mode = mode;
  }

  #need(path: string): MemoryNode {
    const node = this.files.get(path);
    if (node === undefined) throw new MemoryNotFound(`No such file or directory: ${path}`);
    return node;
  }

  #needParent(path: string): void {
    if (!this.directories.has(parent(path))) throw new MemoryNotFound(`No such file or directory: ${parent(path)}`);
  }

  /** A directory can be opened only to be synced. */
  #directory(path: string): FsFile {
    const no = (): never => {
      throw diskError("EISDIR", `Is a directory: ${path}`);
    };
    this.open++;
    const sync = async () => void this.before({ kind: "sync", path });
    return {
      readSync: no,
      read: async () => no(),
      writeSync: no,
      write: async () => no(),
      seekSync: no,
      truncateSync: no,
      statSync: () => DIRECTORY,
      sync,
      syncData: sync,
      close: () => void this.open--,
    };
  }
}

class MemoryFile implements FsFile {
  readonly #disk: MemoryDisk;
  readonly #path: string;
  readonly #node: MemoryNode;
  readonly #append: boolean;
  readonly #now: () => number;
  #at = 0;
  #closed = false;

  constructor(disk: MemoryDisk, path: string, node: MemoryNode, append: boolean, now: () => number) {
    this.#disk = disk;
    this.#path = path;
    this.#node = node;
    this.#append = append;
    this.#now = now;
  }

  readSync(into: Uint8Array): number | null {
    this.#usable();
    this.#disk.before({ kind: "read", path: this.#path });
    const length = Math.min(into.length, this.#node.size - this.#at);
    if (length <= 0) return into.length === 0 ? 0 : null;
    into.set(this.#node.data.subarray(this.#at, this.#at + length));
    this.#at += length;
    return length;
  }

  async read(into: Uint8Array): Promise<number | null> {
    return this.readSync(into);
  }

  writeSync(from: Uint8Array): number {
    this.#usable();
    if (this.#append) this.#at = this.#node.size;
    const through = this.#disk.before({ kind: "write", path: this.#path, offset: this.#at, bytes: from });
    const length = Math.min(from.length, through ?? from.length);
    this.#reserve(this.#at + length);
    this.#node.data.set(from.subarray(0, length), this.#at);
    this.#at += length;
    this.#node.size = Math.max(this.#node.size, this.#at);
    this.#node.mtime = this.#now();
    this.#disk.changed("modify", this.#path);
    return length;
  }

  async write(from: Uint8Array): Promise<number> {
    return this.writeSync(from);
  }

  seekSync(offset: number, whence: 0 | 1 | 2): number {
    this.#usable();
    return this.#at = offset + [0, this.#at, this.#node.size][whence]!;
  }

  truncateSync(length = 0): void {
    this.#usable();
    this.#disk.before({ kind: "truncate", path: this.#path });
    this.#reserve(length);
    this.#node.data.fill(0, Math.min(length, this.#node.size));
    this.#node.size = length;
  }

  statSync(): FileInfo {
    return info(this.#node);
  }

  async sync(): Promise<void> {
    this.#usable();
    await Promise.resolve();
    this.#disk.before({ kind: "sync", path: this.#path });
  }

  syncData(): Promise<void> {
    return this.sync();
  }

  close(): void {
    this.#usable();
    this.#closed = true;
    this.#disk.open--;
  }

  #usable(): void {
    if (this.#closed) throw diskError("EBADF", "Bad resource ID");
  }

  #reserve(size: number): void {
    if (size <= this.#node.data.length) return;
    const grown = new Uint8Array(Math.max(size, this.#node.data.length * 2, 256));
    grown.set(this.#node.data.subarray(0, this.#node.size));
    this.#node.data = grown;
  }
}

const DIRECTORY: FileInfo = { isFile: false, isDirectory: true, isSymlink: false, size: 0, mtime: null, mode: 0o755 };

function info(node: MemoryNode): FileInfo {
  return {
    isFile: true,
    isDirectory: false,
    isSymlink: false,
    size: node.size,
    mtime: new Date(node.mtime),
    mode: node.mode,
  };
}

function entry(path: string, isDirectory: boolean): DirEntry {
  return { name: path.slice(path.lastIndexOf("/") + 1), isFile: !isDirectory, isDirectory, isSymlink: false };
}

function parent(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

function absolute(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}
