/**
 * Finds the names of all that lies in the archives of a message, in archives within them too.
 *
 * Promises bounds whatever the octets say: so many levels, so many members, so many octets decompressed, for all archives of one search together; the
 * thread is left to others every few milliseconds. What stood in the way is told in {@linkcode ArchiveSearch.troubles}; nothing an archive
 * holds makes it reject. It rejects when `signal` is aborted, and when the disk does not take what has to be put by.
 */
import type { Bytes } from "../base/bytes.ts";
import { type Clock, sleep, systemClock } from "../base/clock.ts";
import { ByteReader, type ByteReaderOptions } from "./byte_reader.ts";
import { ArchiveFault, damaged, type FaultKind } from "./fault.ts";
import { BEGINNING, type Format, formatOf, unread, ZIP } from "./formats.ts";
import type { Member } from "./member.ts";
import type { Spool } from "./spool.ts";

export interface SearchLimits {
  /** Archives within one another that are looked into. */
  readonly depth: number;
  /** Octets that archives within archives decompress to. */
  readonly octets: number;
  /** Members, folders counted. */
  readonly members: number;
}
export interface Trouble {
  readonly kind: FaultKind | "depth" | "octets" | "members";
  /** The archive: `outer.zip/inner.zip`. */
  readonly where: string;
  readonly detail: string;
}
export interface SearchOptions {
  readonly limits: SearchLimits;
  /** Whether a name is that of an archive. */
  readonly isArchive: (name: string) => boolean;
  /** A place for an archive that has to be read back and forth; closed by the search. */
  readonly newSpool: () => Spool;
  readonly signal: AbortSignal;
}

/** Milliseconds that are worked at a stretch. */
const STRETCH_MS = 8;
const LONGEST_PATH = 1024;
/** Files that are zips by their format and documents or programs to everybody: what lies in them is nobody's attachment. */
const DOCUMENT =
  /\.(?:docx|docm|dotx|dotm|xlsx|xlsm|xltx|xltm|xlsb|pptx|pptm|potx|potm|ppsx|ppsm|vsdx|odt|ott|ods|ots|odp|otp|odg|odf|pages|numbers|key|epub|xps|oxps|3mf|kmz|jar|war|apk|aab|ipa|xpi|crx|whl|nupkg)$/i;

class LimitReached extends Error {
  readonly kind: "octets" | "members";
  constructor(kind: "octets" | "members") {
    super(`Too many ${kind}`);
    this.kind = kind;
  }
}

export class ArchiveSearch {
  /** Paths of all members found: `outer.zip/inner.zip/file`. Long ones lose their middle. */
  readonly names: string[] = [];
  readonly troubles: Trouble[] = [];
  readonly #options: SearchOptions;
  readonly #clock: Clock = systemClock;
  readonly #reading: ByteReaderOptions;
  #octets = 0;
  #members = 0;
  #over = false;
  #since = 0;

  constructor(options: SearchOptions) {
    this.#options = options;
    const pace = () => this.#rest();
    this.#reading = {
      pace,
      onTake: (octets) => {
        this.#octets += octets;
        if (this.#octets > options.limits.octets) throw new LimitReached("octets");
      },
    };
  }

  /**
   * Looks into a file if it is an archive, by its names or its content; resolves with whether it is. The octets may be read to any point. Once a
   * limit has been reached nothing more is looked into.
   */
  async look(names: readonly string[], octets: AsyncIterable<Bytes>): Promise<boolean> {
    const path = names[0] ?? "unnamed";
    this.#since = this.#clock.monotonic();
    const reader = new ByteReader(octets, { pace: () => this.#rest() });
    try {
      return await this.#into(path, names, reader, 0);
    } catch (fault) {
      if (fault instanceof LimitReached) {
        this.#over = true;
        this.#trouble(fault.kind, path, `more than ${this.#options.limits[fault.kind]} ${fault.kind}`);
      } else this.#note(fault, path);
      return true;
    } finally {
      await reader.close();
    }
  }

  async #into(path: string, names: readonly string[], reader: ByteReader, depth: number): Promise<boolean> {
    const isListed = names.some(this.#options.isArchive);
    let head: Bytes;
    try {
      head = await reader.peek(BEGINNING);
    } catch (fault) {
      // What cannot be read, and is not said to be an archive, is a file like others.
      if (!isListed && fault instanceof ArchiveFault) return false;
      throw fault;
    }
    const format = formatOf(head);
    if (!isListed && (format === undefined || names.some((name) => DOCUMENT.test(name)))) return false;
    if (this.#over) return true;
    if (depth >= this.#options.limits.depth) {
      this.#trouble("depth", path, `more than ${this.#options.limits.depth} archives within one another`);
      return true;
    }
    // A zip's table stands at its end, so anything may stand in front of it.
    await this.#read(format ?? ZIP, path, names, reader, depth, format === undefined);
    return true;
  }

  async #read(
    format: Format,
    path: string,
    names: readonly string[],
    reader: ByteReader,
    depth: number,
    isGuess: boolean,
  ): Promise<void> {
    switch (format.kind) {
      case "closed":
        throw unread(format.name);
      case "stream": {
        const fault = await this.#each(path, format.members(reader), depth);
        if (fault !== undefined) throw fault;
        return;
      }
      case "table": {
        const spool = this.#options.newSpool();
        try {
          await this.#fill(spool, reader, path);
          const before = this.names.length;
          const fault = await this.#each(path, format.members(spool, this.#reading), depth);
          if (fault === undefined) return;
          throw isGuess && this.names.length === before ? damaged("is no archive of a format that is read") : fault;
        } finally {
          spool.close();
        }
      }
      case "packed": {
        const told = await format.fileName?.(reader);
        const inner = new ByteReader(format.decode(reader.rest()), { pace: this.#reading.pace });
        try {
          await this.#unpacked(path, [told ?? "", stem(names[0] ?? "")], inner, depth);
        } finally {
          await inner.close();
        }
      }
    }
  }

  /** One file that was compressed: a tar archive counts as one with its wrapping. */
  async #unpacked(path: string, names: readonly string[], reader: ByteReader, depth: number): Promise<void> {
    const format = formatOf(await reader.peek(BEGINNING));
    // Too little to tell what it was.
    if (reader.fault !== undefined) this.#note(reader.fault, path);
    if (format?.kind !== "stream") {
      const named = names.filter((name) => name !== "");
      return await this.#member(path, { names: named, isEncrypted: false, open: () => reader.rest() }, depth);
    }
    const fault = await this.#each(path, format.members(new ByteReader(reader.rest(), this.#reading)), depth);
    if (fault !== undefined) throw fault;
  }

  /** Members one after another, up to the end or a fault of the archive, which is given back. */
  async #each(path: string, members: AsyncIterable<Member>, depth: number): Promise<ArchiveFault | undefined> {
    try {
      for await (const member of members) {
        await this.#rest();
        await this.#member(path, member, depth);
      }
    } catch (fault) {
      if (fault instanceof ArchiveFault) return fault;
      throw fault;
    }
  }

  async #member(path: string, member: Member, depth: number): Promise<void> {
    if (++this.#members > this.#options.limits.members) throw new LimitReached("members");
    const paths = member.names.map((name) => shortened(`${path}/${name}`));
    this.names.push(...paths);
    const where = paths[0] ?? path;
    if (member.isEncrypted) return this.#trouble("encrypted", path, `${where} is encrypted`);
    if (member.open === undefined) return;
    if (member.isCostly && !member.names.some(this.#options.isArchive)) return;
    const reader = new ByteReader(member.open(), this.#reading);
    try {
      await this.#into(where, member.names, reader, depth + 1);
    } catch (fault) {
      this.#note(fault, where);
    } finally {
      await reader.close();
    }
  }

  /** What can be read is kept, and looked at. */
  async #fill(spool: Spool, reader: ByteReader, path: string): Promise<void> {
    try {
      for await (const piece of reader.rest()) await spool.write(piece);
    } catch (fault) {
      this.#note(fault, path);
    }
  }

  /** Faults of archives are told of; all others are passed on. */
  #note(fault: unknown, path: string): void {
    if (!(fault instanceof ArchiveFault)) throw fault;
    this.#trouble(fault.kind, path, `${path} ${fault.message}`);
  }

  /** Once for each archive and kind. */
  #trouble(kind: Trouble["kind"], where: string, detail: string): void {
    if (this.troubles.some((known) => known.kind === kind && known.where === where)) return;
    this.troubles.push({ kind, where, detail });
  }

  async #rest(): Promise<void> {
    const { signal } = this.#options;
    signal.throwIfAborted();
    if (this.#clock.monotonic() - this.#since < STRETCH_MS) return;
    await sleep(this.#clock, 0, signal);
    this.#since = this.#clock.monotonic();
  }
}

/** `a.csv.gz` → `a.csv`; `a.tgz` → `a`. */
function stem(name: string): string {
  return name.replace(/\.[^./\\]*$/, "");
}

function shortened(path: string): string {
  const half = LONGEST_PATH / 2;
  return path.length <= LONGEST_PATH ? path : `${path.slice(0, half)}…${path.slice(1 - half)}`;
}
