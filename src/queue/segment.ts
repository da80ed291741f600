/**
 * One file of the journal, `NNNNNN.log`: a header of 32 octets, then records.
 *
 * Writing appends; reading is by offset and never disturbs it. After a fault the file is cut back to its last good octet, or given up
 * (`sealed`): nothing is ever written behind octets nobody can vouch for.
 */
import type { Bytes } from "../base/bytes.ts";
import { crc32c } from "../base/crc32c.ts";
import type { FsFile, Host } from "../host/types.ts";
import { get32, put32 } from "./record.ts";

export const SEGMENT_HEADER = 32;
const MAGIC = new TextEncoder().encode("KasiQ\r\n\x1a");

/** `000012.log`; more digits once a million segments have been. */
export function segmentName(number: number): string {
  return `${String(number).padStart(6, "0")}.log`;
}

export function segmentNumber(name: string): number | undefined {
  const match = /^(\d{6,15})\.log$/.exec(name);
  return match === null ? undefined : Number(match[1]);
}

/** The marker a segment's header tells; undefined when the header is damaged. */
export function readMarker(bytes: Uint8Array): number | undefined {
  if (bytes.length < SEGMENT_HEADER || MAGIC.some((octet, i) => bytes[i] !== octet)) return undefined;
  return crc32c(bytes.subarray(0, 16)) === get32(bytes, 16) ? get32(bytes, 12) : undefined;
}

export class UnreadableSegment extends Error {
  override readonly name = "UnreadableSegment";
}

/** Octets copied at one time. */
const CHUNK = 1024 * 1024;

export class Segment {
  readonly number: number;
  readonly path: string;
  readonly marker: number;
  /** Octets that are whole; the next record goes here. */
  size: number;
  /** Messages whose record lies here, and the octets of those records. */
  live = 0;
  liveBytes = 0;
  /** Holds something that could be saved nowhere else: not to be deleted. */
  keep = false;
  /** No more is written here. */
  sealed: boolean;
  readonly #host: Host;
  #file: FsFile | undefined;

  constructor(host: Host, dir: string, number: number, marker: number, size: number) {
    this.#host = host;
    this.number = number;
    this.path = `${dir}/${segmentName(number)}`;
    this.marker = marker;
    this.size = size;
    this.sealed = true;
  }

  /** A new one, its header written but not synced. Throws what the disk throws, and leaves no file then. */
  static create(host: Host, dir: string, number: number, marker: number): Segment {
    const segment = new Segment(host, dir, number, marker, 0);
    const header = new Uint8Array(SEGMENT_HEADER);
    header.set(MAGIC);
    put32(header, 8, 1);
    put32(header, 12, marker);
    put32(header, 16, crc32c(header.subarray(0, 16)));
    segment.#file = host.openSync(segment.path, { read: true, append: true, createNew: true });
    try {
      segment.write(header);
    } catch (error) {
      segment.close();
      try {
        host.removeSync(segment.path);
      } catch {
        // What is left is a file without records: the next start sweeps it.
      }
      throw error;
    }
    segment.sealed = false;
    return segment;
  }

  /** Appends all of it, or throws; the caller cuts back to the `size` before then. */
  write(bytes: Uint8Array): void {
    const file = this.#open();
    let done = 0;
    while (done < bytes.length) {
      const written = file.writeSync(done === 0 ? bytes : bytes.subarray(done));
      if (written === 0) throw new Error("The disk took no octets");
      done += written;
    }
    this.size += bytes.length;
  }

  /** Back to an earlier size. False, and sealed, when the disk does not let us. */
  cut(size: number): boolean {
    this.size = size;
    try {
      this.#open().truncateSync(size);
      return true;
    } catch {
      this.sealed = true;
      return false;
    }
  }

  syncData(): Promise<void> {
    return this.#open().syncData();
  }

  /** Data and size: for a file that is new or was cut. */
  sync(): Promise<void> {
    return this.#open().sync();
  }

  /**
   * Puts in its place a copy that is on the disk for sure: a sync of the file itself has failed, and a later one would vouch for nothing.
   * Rejects with what the disk throws, and the file is as it was; with `UnreadableSegment` when that is the matter.
   */
  async renew(): Promise<void> {
    const dir = this.path.slice(0, this.path.lastIndexOf("/"));
    // A start sweeps what begins so.
    const path = `${dir}/__tmp__.${segmentName(this.number)}`;
    const file = this.#host.openSync(path, { write: true, create: true, truncate: true });
    try {
      for (let at = 0; at < this.size;) {
        const bytes = this.#readAgain(at, Math.min(this.size, at + CHUNK));
        for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
        at += bytes.length;
      }
      await file.sync();
    } finally {
      file.close();
    }
    this.close();
    this.#host.renameSync(path, this.path);
    await syncDirectory(this.#host, dir);
  }

  #readAgain(from: number, to: number): Bytes {
    try {
      return this.read(from, to);
    } catch (cause) {
      throw new UnreadableSegment(`Cannot read ${this.path} again: ${cause instanceof Error ? cause.message : cause}`, {
        cause,
      });
    }
  }

  /** Octets `from` to `to`. Throws when they are not there. */
  read(from: number, to: number): Bytes {
    const file = this.#open();
    const bytes = new Uint8Array(to - from);
    file.seekSync(from, 0);
    let done = 0;
    while (done < bytes.length) {
      const got = file.readSync(done === 0 ? bytes : bytes.subarray(done));
      if (got === null || got === 0) throw new Error(`${this.path} ends before octet ${to}`);
      done += got;
    }
    return bytes;
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
    reopened.delete(this);
  }

  /** Old segments are opened when one of their records is wanted. Append mode writes at the end wherever a read has left off. */
  #open(): FsFile {
    if (this.#file !== undefined) return this.#file;
    this.#file = this.#host.openSync(this.path, { read: true, append: true });
    reopened.add(this);
    if (reopened.size > MOST_REOPENED) (reopened.values().next().value as Segment).close();
    return this.#file;
  }
}

/** Old segments open at a time: a long queue must not use up the files that connections need, too. */
const MOST_REOPENED = 32;
const reopened = new Set<Segment>();

/** Makes the names in a directory durable. A platform that cannot open directories has no such need. */
export async function syncDirectory(host: Host, dir: string): Promise<void> {
  let file: FsFile;
  try {
    file = host.openSync(dir, { read: true });
  } catch (error) {
    if (error instanceof Error && /EISDIR|EACCES|EPERM|is a directory|access is denied/i.test(error.message)) return;
    throw error;
  }
  try {
    await file.sync();
  } finally {
    file.close();
  }
}
