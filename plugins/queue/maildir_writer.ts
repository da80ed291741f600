/**
 * Writes one message into one or more Maildirs so that it is in all of them or in none.
 *
 * `prepare` writes and syncs a file in each `tmp`, the part that a full disk can fail; `commit` renames them into `new` and syncs the
 * folders. Between the two nothing can be seen by a reader; `abandon` removes what was prepared.
 */
import { type FsFile, type Host, type Message, utf8Encode } from "kasi";

export interface Mailbox {
  /** Absolute path of the Maildir. */
  readonly path: string;
  /** Header fields in front of the message, each with its line end. */
  readonly head: string;
}

type Disk = Pick<Host, "openSync" | "mkdirSync" | "renameSync" | "removeSync" | "statSync">;

const MOST_KNOWN = 10_000;

export class MaildirWriter {
  readonly #host: Disk;
  readonly #syncing = new Map<string, { readonly running: Promise<void>; next: Promise<void> | undefined }>();

  /** Maildirs whose folders were there; forgotten when writing fails, so that one that was taken away is made again. */
  readonly #known = new Set<string>();

  constructor(host: Disk) {
    this.#host = host;
  }

  /** Rejects with the disk's error, having removed what it wrote. */
  async prepare(
    mailboxes: readonly Mailbox[],
    name: string,
    message: Message,
    options: { readonly crlf: boolean; readonly signal: AbortSignal },
  ): Promise<Prepared> {
    const prepared = new Prepared(this.#host, mailboxes, name, (path) => this.#syncFolder(path));
    const files: FsFile[] = [];
    try {
      for (const { path, head } of mailboxes) {
        await this.#make(path);
        const file = this.#host.openSync(`${path}/tmp/${name}`, {
          write: true,
          create: true,
          truncate: true,
          mode: 0o600,
        });
        files.push(file);
        writeAll(file, utf8Encode(options.crlf ? head : head.replaceAll("\r\n", "\n")));
      }
      const unix = options.crlf ? undefined : new UnixLines();
      for await (const chunk of message.open()) {
        options.signal.throwIfAborted();
        const bytes = unix?.next(chunk) ?? chunk;
        for (const file of files) writeAll(file, bytes);
      }
      const rest = unix?.end();
      if (rest !== undefined) { for (const file of files) writeAll(file, rest); }
      await Promise.all(files.map((file) => file.syncData()));
      options.signal.throwIfAborted();
      return prepared;
    } catch (fault) {
      prepared.abandon();
      for (const { path } of mailboxes) this.#known.delete(path);
      throw fault;
    } finally {
      for (const file of files) file.close();
    }
  }

  /** The three folders; a new Maildir's own name, and those above it that are new, are synced too. */
  async #make(path: string): Promise<void> {
    if (this.#known.has(path)) return;
    if (this.#known.size >= MOST_KNOWN) this.#known.clear();
    if (["tmp", "new", "cur"].every((folder) => this.#exists(`${path}/${folder}`))) return void this.#known.add(path);
    const fresh: string[] = [];
    for (let at = path; at !== "" && !this.#exists(at); at = parentOf(at)) fresh.push(parentOf(at) || "/");
    for (const folder of ["tmp", "new", "cur"]) {
      this.#host.mkdirSync(`${path}/${folder}`, { recursive: true, mode: 0o700 });
    }
    for (const folder of [path, ...fresh]) await this.#syncFolder(folder);
    this.#known.add(path);
  }

  #exists(path: string): boolean {
    try {
      return this.#host.statSync(path).isDirectory;
    } catch {
      return false;
    }
  }

  /** Syncs of one folder are shared: who comes while one runs waits for the one behind it, together with all others that came. */
  #syncFolder(path: string): Promise<void> {
    const now = this.#syncing.get(path);
    if (now !== undefined) {
      return now.next ??= now.running.then(() => this.#startSync(path), () => this.#startSync(path));
    }
    return this.#startSync(path);
  }

  #startSync(path: string): Promise<void> {
    const entry = { running: this.#sync(path), next: undefined as Promise<void> | undefined };
    this.#syncing.set(path, entry);
    const done = () => {
      if (entry.next === undefined) this.#syncing.delete(path);
    };
    entry.running.then(done, done);
    return entry.running;
  }

  async #sync(path: string): Promise<void> {
    const folder = this.#host.openSync(path, { read: true });
    try {
      await folder.sync();
    } finally {
      folder.close();
    }
  }
}

/** Files that lie whole and synced in `tmp`. */
export class Prepared {
  readonly #host: Disk;
  readonly #mailboxes: readonly Mailbox[];
  readonly #name: string;
  readonly #syncFolder: (path: string) => Promise<void>;

  constructor(host: Disk, mailboxes: readonly Mailbox[], name: string, syncFolder: (path: string) => Promise<void>) {
    this.#host = host;
    this.#mailboxes = mailboxes;
    this.#name = name;
    this.#syncFolder = syncFolder;
  }

  /** Shows the message to readers; resolves once its names are safe on disk. */
  async commit(): Promise<void> {
    for (const { path } of this.#mailboxes) {
      this.#host.renameSync(`${path}/tmp/${this.#name}`, `${path}/new/${this.#name}`);
    }
    await Promise.all(this.#mailboxes.map(({ path }) => this.#syncFolder(`${path}/new`)));
  }

  abandon(): void {
    for (const { path } of this.#mailboxes) {
      try {
        this.#host.removeSync(`${path}/tmp/${this.#name}`);
      } catch {
        // Not written yet, or gone: what readers look at, `new`, never held it.
      }
    }
  }
}

/** CRLF to LF, whatever way the chunks fall. A CR on its own stays. */
export class UnixLines {
  #heldCr = false;

  next(chunk: Uint8Array): Uint8Array<ArrayBuffer> {
    const out = new Uint8Array(chunk.length + 1);
    let length = 0;
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!;
      if (this.#heldCr && byte !== 10) out[length++] = 13;
      this.#heldCr = byte === 13;
      if (byte !== 13) out[length++] = byte;
    }
    return out.subarray(0, length);
  }

  end(): Uint8Array<ArrayBuffer> {
    const out = this.#heldCr ? Uint8Array.of(13) : new Uint8Array(0);
    this.#heldCr = false;
    return out;
  }
}

function writeAll(file: FsFile, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}
