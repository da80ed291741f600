/**
 * `kasi queue import`: takes in a directory of queue files, Haraka's and those of `kasi queue export`. Files that were taken are moved to `imported/`
 * below it; all others stay where they are, each told with the reason, and none stops the rest.
 *
 * Nothing is taken twice, also when it is done again after a crash at any moment ({@linkcode Restorer}). What had been tried so often keeps its
 * count, its time and its notes. Whoever else works with the directory is to be stopped first.
 */
import { type Bytes, EMPTY } from "../../base/bytes.ts";
import type { Host } from "../../host/types.ts";
import { canonical } from "../../mail/canonical.ts";
import type { Core } from "../core.ts";
import { type Brought, type ImportedFile, type ImportStep, type QueuedPart, Unreadable } from "./brought.ts";
import { readExportFile } from "./export_file.ts";
import { harakaEnvelopeEnd, parseHarakaName, readHarakaFile } from "./haraka_file.ts";
import { type Content, Restorer } from "./restore.ts";
import { isThere, setAside } from "./set_aside_file.ts";

/** Files whose records share a sync. */
const AT_ONCE = 32;
const CHUNK = 256 * 1024;
/** A directory of Haraka's that became ours. */
const OURS = /^(?:lock(?:\..*)?|\d{6,15}\.log)$/;

export class Importer {
  readonly #core: Core;
  readonly #restorer: Restorer;
  /** One import after another. */
  #before: Promise<unknown> = Promise.resolve();

  constructor(core: Core) {
    this.#core = core;
    this.#restorer = new Restorer(core);
  }

  /** See `QueueApi.import`. */
  import(from: string, step?: ImportStep): Promise<ImportedFile[]> {
    const dir = from.replace(/(?<=.)\/+$/, "");
    const result = this.#before.then(async () => [
      ...step?.only === "take" ? [] : await this.#settle(dir),
      ...step?.only === "settle" ? [] : await this.#take(dir, step?.taken ?? []),
    ]);
    this.#before = result.catch(() => {});
    return result;
  }

  /** Ends what a crash broke off: messages of ours whose files in `dir` were not set aside yet, or were, and are not let go. */
  async #settle(dir: string): Promise<ImportedFile[]> {
    const settled: ImportedFile[] = [];
    for (const { id, file } of await this.#restorer.parked()) {
      const slash = file.lastIndexOf("/");
      if (file.slice(0, slash) !== dir) continue;
      const name = file.slice(slash + 1);
      settled.push(...await this.#finish(dir, [{ id, name }]));
    }
    return settled;
  }

  /** Files in order of their names. Rejects when the directory cannot be read. */
  async #take(dir: string, taken: readonly QueuedPart[]): Promise<ImportedFile[]> {
    const { host } = this.#core;
    const names = [...host.readDirSync(dir)].filter(({ isFile, name }) => isFile && !OURS.test(name))
      .map(({ name }) => name).sort();
    const all = new Set(names);
    // A message has its envelope beside it, and goes with it.
    const files = names.filter((name) => !name.endsWith(".eml") || !all.has(`${stem(name)}.json`));
    const results: ImportedFile[] = [];
    for (let at = 0; at < files.length; at += AT_ONCE) {
      const parked = await Promise.all(files.slice(at, at + AT_ONCE).map((name) => this.#park(dir, name, taken)));
      const good = parked.flatMap((each) => "reason" in each ? [] : [{ id: each.id, name: each.file }]);
      const finished = new Map((await this.#finish(dir, good)).map((each) => [each.file, each]));
      results.push(...parked.map((each) => finished.get(each.file) ?? each));
    }
    return results;
  }

  /** Never rejects. */
  async #park(
    dir: string,
    name: string,
    taken: readonly QueuedPart[],
  ): Promise<{ readonly file: string; readonly id: string } | { readonly file: string; readonly reason: string }> {
    const path = `${dir}/${name}`;
    let content: Content | undefined;
    try {
      const { brought, message } = this.#read(dir, name);
      const known = this.#restorer.nameFor(brought, path, taken);
      if (known === undefined) throw new Unreadable(`a message with the ID ${brought.envelope.id} is queued already`);
      const { id, stored } = known;
      if (!stored) {
        content = await this.#content(message, brought);
        await this.#restorer.park({ ...brought, envelope: { ...brought.envelope, id } }, path, content);
      }
      return { file: name, id };
    } catch (cause) {
      if (content !== undefined && !(content instanceof Uint8Array)) this.#discard(content);
      return { file: name, reason: cause instanceof Error ? cause.message : String(cause) };
    }
  }

  /** Sets files aside and lets their messages go. Never rejects. */
  async #finish(
    dir: string,
    files: readonly { readonly id: string; readonly name: string }[],
  ): Promise<ImportedFile[]> {
    if (files.length === 0) return [];
    const { host, log } = this.#core;
    const moved = await setAside(host, dir, files.flatMap(({ name }) => namesOf(host, dir, name)));
    return await Promise.all(files.map(async ({ id, name }): Promise<ImportedFile> => {
      try {
        if (moved !== undefined && isWhole(host, dir, name)) {
          await this.#restorer.takeBack(id);
          return { file: name, reason: `it was not taken, for it cannot be moved to imported/: ${moved.message}` };
        }
        await this.#restorer.letGo(id);
        log.child({ uuid: id, origin: "outbound" }).notice("Taken in from a queue file", { file: `${dir}/${name}` });
        return { file: name, id };
      } catch (cause) {
        return { file: name, id, reason: `it was taken; but ${cause instanceof Error ? cause.message : cause}` };
      }
    }));
  }

  /** Throws {@linkcode Unreadable}, and what the host throws. */
  #read(dir: string, name: string): { readonly brought: Brought; readonly message: string } {
    const { host, clock } = this.#core;
    const path = `${dir}/${name}`;
    if (name.startsWith("__tmp__.")) throw new Unreadable("it was never finished: no client was told that it is safe");
    if (name.startsWith("error.")) throw new Unreadable("Haraka set it aside as damaged");
    if (name.endsWith(".json")) {
      const message = `${dir}/${stem(name)}.eml`;
      return { brought: readExportFile(host.readTextFileSync(path), sizeOf(host, message)), message };
    }
    if (name.endsWith(".eml")) throw new Unreadable(`it has no envelope beside it (${stem(name)}.json)`);
    const at = parseHarakaName(name);
    if (at === undefined) throw new Unreadable("it is no queue file: its name is of another form");
    const size = host.statSync(path).size;
    const end = harakaEnvelopeEnd(readPart(host, path, 0, Math.min(size, 4)), size);
    const brought = readHarakaFile(name, at, readPart(host, path, 0, end), clock.now());
    const last = readPart(host, path, size - 2, size);
    // Haraka ends every line; a message that breaks off in one is not all there, and nobody would be told.
    if (last[0] !== 13 || last[1] !== 10) throw new Unreadable("it is cut off: its message ends within a line");
    return { brought, message: path };
  }

  /** The message as the queue stores it: in memory, or when it is large in a file of the queue's. */
  async #content(path: string, { offset, stuffed }: Brought): Promise<Content> {
    const { host, settings, bodies } = this.#core;
    const size = sizeOf(host, path);
    // What kasi exported is in that form already, whatever it is (BINARYMIME).
    const convert = stuffed ? canonical(true) : (chunk: Bytes) => chunk;
    if (size - offset <= settings().bodyThreshold) return convert(readPart(host, path, offset, size));
    const spool = bodies.create();
    try {
      for (let at = offset; at < size; at += CHUNK) {
        await spool.write(convert(readPart(host, path, at, Math.min(at + CHUNK, size))));
      }
      return await spool.finish();
    } catch (cause) {
      spool.discard();
      throw cause;
    }
  }

  /** A body file that nobody wants after all. */
  #discard(content: Exclude<Content, Bytes>): void {
    const { bodies } = this.#core;
    const name = bodies.adopt(content);
    if (name !== undefined) bodies.remove(name);
  }
}

const stem = (name: string) => name.slice(0, name.lastIndexOf("."));

/** An envelope goes with its message. */
function namesOf(host: Host, dir: string, name: string): string[] {
  if (!name.endsWith(".json")) return [name];
  const message = `${stem(name)}.eml`;
  return isThere(host, `${dir}/${message}`) ? [message, name] : [name];
}

/** Whether it could be imported again as it lies there. */
function isWhole(host: Host, dir: string, name: string): boolean {
  const wanted = name.endsWith(".json") ? [name, `${stem(name)}.eml`] : [name];
  return wanted.every((each) => isThere(host, `${dir}/${each}`));
}

function sizeOf(host: Host, path: string): number {
  try {
    return host.statSync(path).size;
  } catch (cause) {
    if (cause instanceof host.errors.NotFound) throw new Unreadable(`it has no message beside it (${path})`);
    throw cause;
  }
}

function readPart(host: Host, path: string, from: number, to: number): Bytes {
  if (to <= from) return EMPTY;
  const file = host.openSync(path, { read: true });
  try {
    const bytes = new Uint8Array(to - from);
    file.seekSync(from, 0);
    let done = 0;
    while (done < bytes.length) {
      const got = file.readSync(bytes.subarray(done));
      if (got === null || got === 0) throw new Unreadable("it became shorter while it was read");
      done += got;
    }
    return bytes;
  } finally {
    file.close();
  }
}

/** Ids in the envelopes of a directory that `kasi queue export` wrote; for a look whether others have them. */
export function exportedIds(host: Host, dir: string): string[] {
  const ids: string[] = [];
  for (const { name, isFile } of host.readDirSync(dir)) {
    if (!isFile || !name.endsWith(".json")) continue;
    try {
      const { id } = JSON.parse(host.readTextFileSync(`${dir}/${name}`)) as { id?: unknown };
      if (typeof id === "string") ids.push(id);
    } catch {
      // It will be told of when it is read in earnest.
    }
  }
  return ids;
}
