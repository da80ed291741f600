/**
 * One owner per folder: a lock file that says which process holds it, and since when that process runs.
 *
 * A lock is stale when its process is gone or its number now belongs to another process (its start time differs); a stale lock
 * is taken over. The same on both runtimes, and readable by people.
 */
import type { Host } from "./types.ts";

type Disk = Pick<
  Host,
  "writeTextFileSync" | "readTextFileSync" | "removeSync" | "renameSync" | "linkSync" | "pid" | "errors"
>;

export interface DirectoryLock {
  /** Gives it up; the second time does nothing. */
  release(): void;
}

/** Somebody who lives holds it. */
export class LockedError extends Error {
  override readonly name = "LockedError";
  readonly pid: number;
  constructor(path: string, pid: number) {
    super(`${path} is held by process ${pid}; stop it first, or give this one a folder of its own`);
    this.pid = pid;
  }
}

const TRIES = 5;

/** Throws LockedError, or the disk's error. `name` is the lock file's, beside what it guards. */
export function lockDirectory(host: Disk, folder: string, name = "lock"): DirectoryLock {
  const path = `${folder}/${name}`;
  const ours = `${host.pid} ${startTime(host, host.pid) ?? "-"}\n`;
  for (let i = 0; i < TRIES; i++) {
    // First, for on a full disk there is no room for ours while it is there.
    takeAway(host, path);
    try {
      place(host, path, ours);
      return holding(host, path, ours);
    } catch (reason) {
      if (!(reason instanceof host.errors.AlreadyExists)) throw reason;
    }
  }
  throw new LockedError(path, holder(host, path)?.pid ?? 0);
}

/**
 * Makes the file whole in one step, or throws AlreadyExists: one that is made first and written then is empty for a moment, and another
 * process that starts in this moment takes it for a torn one.
 */
function place(host: Disk, path: string, text: string): void {
  const beside = `${path}.new-${host.pid}`;
  try {
    host.writeTextFileSync(beside, text, { mode: 0o644 });
    link(host, beside, path, text);
  } finally {
    try {
      host.removeSync(beside);
    } catch {
      // It could not even be made, and why is on its way to the caller.
    }
  }
}

function link(host: Disk, beside: string, path: string, text: string): void {
  try {
    host.linkSync(beside, path);
  } catch (reason) {
    if (reason instanceof host.errors.AlreadyExists) throw reason;
    // A file system without links.
    host.writeTextFileSync(path, text, { createNew: true, mode: 0o644 });
  }
}

function holding(host: Disk, path: string, ours: string): DirectoryLock {
  let held = true;
  return {
    release() {
      if (!held) return;
      held = false;
      // Not when somebody took it over while we slept.
      if (read(host, path) === ours) host.removeSync(path);
    },
  };
}

/** Removes a stale lock; throws LockedError when it is not. */
function takeAway(host: Disk, path: string): void {
  const found = holder(host, path);
  if (found === undefined) return;
  if (alive(host, found)) throw new LockedError(path, found.pid);
  // By a rename to a name of our own: of two that find it stale, one moves it, and looks again at what it moved.
  const aside = `${path}.stale-${host.pid}`;
  try {
    host.renameSync(path, aside);
    const moved = holder(host, aside);
    if (moved !== undefined && alive(host, moved)) host.renameSync(aside, path);
    else host.removeSync(aside);
  } catch (reason) {
    if (!(reason instanceof host.errors.NotFound)) throw reason;
  }
}

interface Holder {
  readonly pid: number;
  readonly started: string;
}

function holder(host: Disk, path: string): Holder | undefined {
  const text = read(host, path);
  if (text === undefined) return undefined;
  const [pid = "", started = ""] = text.trim().split(" ");
  return { pid: Number(pid) || 0, started };
}

/** A lock torn by a crash (empty, no number) is nobody's. */
function alive(host: Disk, { pid, started }: Holder): boolean {
  if (pid === 0) return false;
  const now = startTime(host, pid);
  return now !== undefined && now === started;
}

/** Clock ticks since boot at which the process began: field 22 of proc_pid_stat(5); undefined when there is no such process. */
function startTime(host: Disk, pid: number): string | undefined {
  const text = read(host, `/proc/${pid}/stat`);
  // The name in brackets may hold anything, spaces too: count from its end.
  return text?.slice(text.lastIndexOf(")") + 2).split(" ")[19];
}

function read(host: Disk, path: string): string | undefined {
  try {
    return host.readTextFileSync(path);
  } catch (reason) {
    if (reason instanceof host.errors.NotFound || (reason as { code?: string }).code === "ESRCH") return undefined;
    throw reason;
  }
}

/** Process id of the living holder of a directory's lock; undefined when there is none. */
export function lockOwner(host: Disk, folder: string, name = "lock"): number | undefined {
  const found = holder(host, `${folder}/${name}`);
  return found !== undefined && alive(host, found) ? found.pid : undefined;
}
