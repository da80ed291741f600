/** The files of `Host` over node:fs. Calls are synchronous but for the sync to disk. */
import fs from "node:fs";
import type { Bytes } from "../../base/bytes.ts";
import type { DirEntry, FileInfo, FsFile, Host, OpenOptions } from "../types.ts";
import { translated } from "./errors.ts";

class NodeFile implements FsFile {
  readonly #fd: number;
  readonly #append: boolean;
  /** node:fs has no lseek: the place is kept here. */
  #at = 0;

  constructor(fd: number, append: boolean) {
    this.#fd = fd;
    this.#append = append;
  }

  readSync(into: Uint8Array): number | null {
    const length = fs.readSync(this.#fd, into, 0, into.length, this.#at);
    this.#at += length;
    return length === 0 && into.length > 0 ? null : length;
  }

  read(into: Uint8Array): Promise<number | null> {
    return new Promise((resolve, reject) =>
      fs.read(this.#fd, into, 0, into.length, this.#at, (error, length) => {
        if (error) return reject(error);
        this.#at += length;
        resolve(length === 0 && into.length > 0 ? null : length);
      })
    );
  }

  writeSync(from: Uint8Array): number {
    const length = fs.writeSync(this.#fd, from, 0, from.length, this.#append ? null : this.#at);
    this.#wrote(length);
    return length;
  }

  write(from: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) =>
      fs.write(this.#fd, from, 0, from.length, this.#append ? null : this.#at, (error, length) => {
        if (error) return reject(error);
        this.#wrote(length);
        resolve(length);
      })
    );
  }

  #wrote(length: number): void {
    this.#at = this.#append ? fs.fstatSync(this.#fd).size : this.#at + length;
  }

  seekSync(offset: number, whence: 0 | 1 | 2): number {
    const base = whence === 0 ? 0 : whence === 1 ? this.#at : fs.fstatSync(this.#fd).size;
    if (base + offset < 0) throw Object.assign(new Error("Invalid argument (os error 22)"), { code: "EINVAL" });
    return this.#at = base + offset;
  }

  truncateSync(length = 0): void {
    fs.ftruncateSync(this.#fd, length);
  }

  statSync(): FileInfo {
    return info(fs.fstatSync(this.#fd));
  }

  syncData(): Promise<void> {
    return new Promise((resolve, reject) => fs.fdatasync(this.#fd, (error) => error ? reject(error) : resolve()));
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => fs.fsync(this.#fd, (error) => error ? reject(error) : resolve()));
  }

  close(): void {
    fs.closeSync(this.#fd);
  }
}

/** Deno's options as the flags of open(2); throws TypeError when nothing is to be done with the file. */
function flags(options: OpenOptions): number {
  const { O_RDONLY, O_WRONLY, O_RDWR, O_APPEND, O_TRUNC, O_CREAT, O_EXCL } = fs.constants;
  const write = options.write === true || options.append === true;
  if (!write && (options.create || options.createNew || options.truncate)) {
    throw new TypeError("'create', 'createNew' and 'truncate' need 'write' or 'append'");
  }
  if (!write && options.read === false) throw new TypeError("'read', 'write' or 'append' is needed");
  return (write ? options.read ? O_RDWR : O_WRONLY : O_RDONLY) |
    (options.append ? O_APPEND : 0) | (options.truncate ? O_TRUNC : 0) |
    (options.createNew ? O_CREAT | O_EXCL : options.create ? O_CREAT : 0);
}

function writeAll(path: string, data: Uint8Array | string, options: OpenOptions = {}): void {
  translated(() => {
    const flag = flags({ ...options, write: true, create: options.create ?? true, truncate: options.append !== true });
    fs.writeFileSync(path, data, {
      flag: flag as never,
      ...(options.mode === undefined ? {} : { mode: options.mode }),
    });
  });
}

function info(stat: fs.Stats): FileInfo {
  return {
    isFile: stat.isFile(),
    isDirectory: stat.isDirectory(),
    isSymlink: stat.isSymbolicLink(),
    size: stat.size,
    mtime: stat.mtime,
    mode: stat.mode,
  };
}

function entry(found: fs.Dirent): DirEntry {
  return {
    name: found.name,
    isFile: found.isFile(),
    isDirectory: found.isDirectory(),
    isSymlink: found.isSymbolicLink(),
  };
}

type Files = Pick<
  Host,
  | "openSync"
  | "readFileSync"
  | "readTextFileSync"
  | "writeFileSync"
  | "writeTextFileSync"
  | "mkdirSync"
  | "readDirSync"
  | "renameSync"
  | "linkSync"
  | "removeSync"
  | "statSync"
  | "lstatSync"
  | "realPathSync"
  | "chmodSync"
>;

export const nodeFiles: Files = {
  openSync: (path, options = { read: true }) =>
    translated(() => new NodeFile(fs.openSync(path, flags(options), options.mode), options.append === true)),
  readFileSync: (path) => translated(() => new Uint8Array(fs.readFileSync(path)) as Bytes),
  readTextFileSync: (path) => translated(() => fs.readFileSync(path, "utf8")),
  writeFileSync: writeAll,
  writeTextFileSync: writeAll,
  mkdirSync: (path, options) => void translated(() => fs.mkdirSync(path, options)),
  readDirSync: (path) => translated(() => fs.readdirSync(path, { withFileTypes: true }).map(entry)),
  renameSync: (from, to) => translated(() => fs.renameSync(from, to)),
  linkSync: (from, to) => translated(() => fs.linkSync(from, to)),
  // rmSync of a directory that is empty wants rmdir; Deno.removeSync does both.
  removeSync: (path, options) =>
    translated(() => {
      const folder = fs.lstatSync(path).isDirectory();
      if (folder && !options?.recursive) fs.rmdirSync(path);
      else fs.rmSync(path, { recursive: folder });
    }),
  statSync: (path) => translated(() => info(fs.statSync(path))),
  lstatSync: (path) => translated(() => info(fs.lstatSync(path))),
  realPathSync: (path) => translated(() => fs.realpathSync(path)),
  chmodSync: (path, mode) => translated(() => fs.chmodSync(path, mode)),
};
