/**
 * Bodies too large for the log: each streams into a file of its own in `body/` while it arrives, and is safe before its record is written.
 *
 * A file has one owner: first the spool's, then, once `adopt` has said so, the queue, which removes it with the last recipient.
 */
import type { Bytes } from "../base/bytes.ts";
import type { FsFile, Host } from "../host/types.ts";
import type { Source } from "../mail/message.ts";
import { fileSource } from "./body_store.ts";
import { QueueError } from "./queue_error.ts";
import { syncDirectory } from "./segment.ts";
import type { Spool } from "./types.ts";

const BUFFER_BYTES = 256 * 1024;

class SpooledSource implements Source {
  readonly size: number;
  readonly name: string;
  adopted = false;
  readonly #source: Source;
  constructor(name: string, source: Source) {
    this.name = name;
    this.size = source.size;
    this.#source = source;
  }
  open(from?: number): ReadableStream<Bytes> {
    return this.#source.open(from);
  }
}

export class BodyFiles {
  readonly dir: string;
  readonly #host: Host;
  readonly #newId: () => string;

  constructor(host: Host, dir: string, newId: () => string) {
    this.#host = host;
    this.dir = dir;
    this.#newId = newId;
  }

  /** Throws `QueueError`. */
  create(): Spool {
    const name = `${this.#newId()}.eml`;
    const path = `${this.dir}/${name}`;
    try {
      return new BodyFile(this.#host, this.dir, name, this.#host.openSync(path, { write: true, createNew: true }));
    } catch (error) {
      throw QueueError.of(error, "make a body file");
    }
  }

  /** The file behind a source, now the queue's; undefined when it is none of ours or is taken. */
  adopt(source: Source): string | undefined {
    if (!(source instanceof SpooledSource) || source.adopted) return undefined;
    source.adopted = true;
    return source.name;
  }

  /** Gives it back to its spool: the record could not be written. */
  disown(source: Source): void {
    if (source instanceof SpooledSource) source.adopted = false;
  }

  /** Copies a stream into a file of the queue's own; its name. Rejects with `QueueError` and leaves nothing then. */
  async copy(stream: ReadableStream<Bytes>): Promise<string> {
    const file = this.create();
    const reader = stream.getReader();
    try {
      for (let next = await reader.read(); !next.done; next = await reader.read()) await file.write(next.value);
      return this.adopt(await file.finish())!;
    } catch (error) {
      file.discard();
      reader.cancel(error).catch(() => {});
      throw QueueError.of(error, "store a body");
    }
  }

  /** A file that is gone already is no fault; one that cannot be removed is swept at the next start. */
  remove(name: string): void {
    try {
      this.#host.removeSync(`${this.dir}/${name}`);
    } catch {
      // See above.
    }
  }
}

class BodyFile implements Spool {
  readonly #host: Host;
  readonly #dir: string;
  readonly #name: string;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  #file: FsFile | undefined;
  #used = 0;
  #size = 0;
  #source: SpooledSource | undefined;
  #removed = false;

  constructor(host: Host, dir: string, name: string, file: FsFile) {
    this.#host = host;
    this.#dir = dir;
    this.#name = name;
    this.#file = file;
  }

  write(chunk: Uint8Array): void | Promise<void> {
    if (this.#used + chunk.length <= BUFFER_BYTES) {
      this.#buffer.set(chunk, this.#used);
      this.#used += chunk.length;
      return;
    }
    return this.#spill(chunk);
  }

  async finish(): Promise<Source> {
    try {
      await this.#put(this.#buffer.subarray(0, this.#used));
      await this.#open().sync();
      await syncDirectory(this.#host, this.#dir);
    } catch (error) {
      this.discard();
      throw QueueError.of(error, "store a body");
    }
    this.#close();
    const path = `${this.#dir}/${this.#name}`;
    return this.#source = new SpooledSource(this.#name, fileSource(this.#host, path, this.#size));
  }

  discard(): void {
    this.#close();
    if (this.#removed || this.#source?.adopted) return;
    this.#removed = true;
    try {
      this.#host.removeSync(`${this.#dir}/${this.#name}`);
    } catch {
      // The next start sweeps it.
    }
  }

  async #spill(chunk: Uint8Array): Promise<void> {
    try {
      await this.#put(this.#buffer.subarray(0, this.#used));
      this.#used = 0;
      if (chunk.length > BUFFER_BYTES) return await this.#put(chunk);
      this.#buffer.set(chunk);
      this.#used = chunk.length;
    } catch (error) {
      this.discard();
      throw QueueError.of(error, "store a body");
    }
  }

  async #put(bytes: Uint8Array): Promise<void> {
    const file = this.#open();
    for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
    this.#size += bytes.length;
  }

  #open(): FsFile {
    if (this.#file === undefined) throw new QueueError("stopped", "Cannot write to a body file: it has been closed");
    return this.#file;
  }

  #close(): void {
    this.#file?.close();
    this.#file = undefined;
  }
}
