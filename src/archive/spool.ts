/**
 * Octets written once, then read at any place: in memory while they are few, else in a file that has no name any more, so that nothing stays
 * behind whatever happens. Rejects when the disk does not take them. Close it.
 */
import { type Bytes, concat } from "../base/bytes.ts";
import type { FsFile, Host } from "../host/types.ts";
import type { Octets } from "./octets.ts";

export interface SpoolOptions {
  readonly host: Pick<Host, "openSync" | "removeSync">;
  /** Nobody else's; used for as long as opening a file takes. */
  readonly path: string;
  /** Octets held in memory. */
  readonly room?: number;
}

const ROOM = 512 * 1024;

export class Spool implements Octets {
  readonly #options: SpoolOptions;
  #parts: Bytes[] = [];
  #size = 0;
  #file: FsFile | undefined;

  constructor(options: SpoolOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#size;
  }

  /** The octets are not kept beyond the call, but copied. */
  async write(octets: Bytes): Promise<void> {
    this.#size += octets.length;
    if (this.#file === undefined && this.#size <= (this.#options.room ?? ROOM)) {
      this.#parts.push(octets.slice());
      return;
    }
    if (this.#file === undefined) {
      const { host, path } = this.#options;
      this.#file = host.openSync(path, { read: true, write: true, createNew: true, mode: 0o600 });
      host.removeSync(path);
      await writeAll(this.#file, concat(this.#parts));
      this.#parts = [];
    }
    await writeAll(this.#file, octets);
  }

  async read(at: number, length: number): Promise<Bytes> {
    if (this.#file === undefined) {
      if (this.#parts.length > 1) this.#parts = [concat(this.#parts)];
      return this.#parts[0]?.subarray(at, at + length) ?? new Uint8Array(0);
    }
    const octets = new Uint8Array(Math.max(0, Math.min(length, this.#size - at)));
    this.#file.seekSync(at, 0);
    for (let have = 0; have < octets.length;) {
      const read = await this.#file.read(octets.subarray(have));
      if (read === null) return octets.subarray(0, have);
      have += read;
    }
    return octets;
  }

  /** Idempotent. */
  close(): void {
    this.#file?.close();
    this.#file = undefined;
    this.#parts = [];
    this.#size = 0;
  }
}

async function writeAll(file: FsFile, octets: Bytes): Promise<void> {
  for (let at = 0; at < octets.length;) at += await file.write(octets.subarray(at));
}
