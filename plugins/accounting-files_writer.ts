/**
 * Appends lines to a file that begins with a heading, and moves it to an archive when it is full or old.
 *
 * Each line goes to the file in one write. Throws the disk's error, and opens the file anew for the next line.
 */
import { type Clock, type FsFile, type Host, utf8Encode } from "kasi";

export interface LedgerOptions {
  /** Absolute. */
  readonly folder: string;
  /** `d`, the beginning of the file's name. */
  readonly prefix: string;
  readonly extension: string;
  readonly heading: string;
  /** Absent: the file only grows. */
  readonly archive?: { readonly folder: string; readonly afterMs: number; readonly afterBytes: number };
}

interface Open {
  readonly file: FsFile;
  readonly path: string;
  readonly since: number;
  size: number;
}

export class Ledger {
  readonly #options: LedgerOptions;
  readonly #host: Host;
  readonly #clock: Clock;
  #open: Open | undefined;

  constructor(host: Host, clock: Clock, options: LedgerOptions) {
    this.#host = host;
    this.#clock = clock;
    this.#options = options;
  }

  append(line: string): void {
    try {
      const open = this.#current();
      const bytes = utf8Encode(`${line}\r\n`);
      for (let at = 0; at < bytes.length;) at += open.file.writeSync(bytes.subarray(at));
      open.size += bytes.length;
    } catch (fault) {
      this.close();
      throw fault;
    }
  }

  close(): void {
    this.#open?.file.close();
    this.#open = undefined;
  }

  #current(): Open {
    const open = this.#open;
    if (open === undefined) return this.#open = this.#start();
    const { archive } = this.#options;
    const age = this.#clock.now() - open.since;
    if (archive === undefined || age < archive.afterMs && open.size < archive.afterBytes) return open;
    this.close();
    this.#move(open.path);
    return this.#open = this.#start();
  }

  #start(): Open {
    const { folder, prefix, extension, heading, archive } = this.#options;
    this.#host.mkdirSync(folder, { recursive: true, mode: 0o750 });
    // Files that an earlier run has left.
    if (archive !== undefined) {
      for (const { name, isFile } of [...this.#host.readDirSync(folder)]) {
        if (isFile && name.startsWith(`${prefix}.`)) this.#move(`${folder}/${name}`);
      }
    }
    const since = this.#clock.now();
    const path = `${folder}/${prefix}.${stamp(since)}.${extension}`;
    const file = this.#host.openSync(path, { write: true, append: true, create: true, mode: 0o640 });
    const { size } = file.statSync();
    const open = { file, path, since, size };
    // So that it is closed when the heading cannot be written.
    this.#open = open;
    if (size > 0) return open;
    const bytes = utf8Encode(`${heading}\r\n`);
    for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
    return { ...open, size: bytes.length };
  }

  #move(path: string): void {
    const { folder } = this.#options.archive!;
    this.#host.mkdirSync(folder, { recursive: true, mode: 0o750 });
    this.#host.renameSync(path, this.#free(`${folder}/${path.slice(path.lastIndexOf("/") + 1)}`));
  }

  /** A name that nothing has yet: what lies in the archive is never overwritten. */
  #free(path: string): string {
    for (let i = 0;; i++) {
      const name = i === 0 ? path : `${path}.${i}`;
      try {
        this.#host.lstatSync(name);
      } catch {
        return name;
      }
    }
  }
}

/** `2026-11-22-120000`, where the server stands. */
function stamp(ms: number): string {
  const date = new Date(ms);
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day}-${two(date.getHours())}${two(date.getMinutes())}${two(date.getSeconds())}`;
}
