/**
 * `daemon_pid_file`: the number of the process in the background, and nothing else, for `kill $(cat FILE)`.
 *
 * One that names a living process stops the start; one left behind is taken over, and the log says so. Left behind is also one whose number has since gone
 * to a process younger than the file.
 */
import { ConfigError } from "../base/config_error.ts";
import type { Host } from "../host/types.ts";
import type { Logger } from "../log/types.ts";

type Disk = Pick<
  Host,
  "writeTextFileSync" | "readTextFileSync" | "removeSync" | "statSync" | "pid" | "errors"
>;

export interface PidFile {
  /** Removes it, if it is still ours; never throws: a user who may not leaves it behind. */
  remove(): void;
}

/** Throws ConfigError when it names a living process or cannot be made. */
export function claimPidFile(host: Disk, path: string, log: Logger): PidFile {
  const left = refuseLiving(host, path);
  const text = `${host.pid}\n`;
  try {
    if (left !== undefined) {
      log.warn(`${path} was left behind by process ${left}, which is gone: taken over`);
      host.removeSync(path);
    }
    host.writeTextFileSync(path, text, { createNew: true, mode: 0o644 });
  } catch (cause) {
    throw slip(path, `a file that can be made: ${cause instanceof Error ? cause.message : cause}`);
  }
  return {
    remove() {
      try {
        if (host.readTextFileSync(path) === text) host.removeSync(path);
      } catch {
        // Gone already, or its directory is not ours any more.
      }
    },
  };
}

/** What a file left behind holds; undefined when there is none. Throws ConfigError when its process lives. */
export function refuseLiving(host: Disk, path: string): string | undefined {
  const text = read(host, path)?.trim();
  if (text === undefined) return undefined;
  const pid = Number(text);
  if (Number.isInteger(pid) && pid > 0 && lives(host, pid, host.statSync(path).mtime)) {
    throw slip(path, `no file of a running process, and process ${pid} runs; stop it first`);
  }
  return text;
}

function slip(path: string, wanted: string): ConfigError {
  return new ConfigError({ file: "smtp.ini", setting: "[main] daemon_pid_file", current: path, wanted });
}

/** For the clock ticks of proc_pid_stat(5), 100 to the second everywhere, and for clocks that were set. */
const SLACK_MS = 3000;

function lives(host: Disk, pid: number, written: Date | null): boolean {
  const stat = read(host, `/proc/${pid}/stat`);
  if (stat === undefined) return false;
  const ticks = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
  const booted = Number(/^btime (\d+)$/m.exec(read(host, "/proc/stat") ?? "")?.[1]) * 1000;
  const started = booted + ticks * 10;
  return written === null || !(started > written.getTime() + SLACK_MS);
}

function read(host: Disk, path: string): string | undefined {
  try {
    return host.readTextFileSync(path);
  } catch (cause) {
    if (cause instanceof host.errors.NotFound || (cause as { code?: string }).code === "ESRCH") return undefined;
    throw cause;
  }
}
