/**
 * Runs this very program once more, in a session of its own with its output in a file: how a process gets into the background where there is no fork.
 *
 * The copy writes into a file of its parent's that it stands; the parent waits for that, or for the copy's end, so that a start that fails is seen. Not
 * by a signal: a copy that has become another user may send its parent none. The file is opened before, and stays open.
 */
import { spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

const REPORT = "KASI_DAEMON_REPORT";
const POLL_MS = 40;

export interface Parent {
  /** All is well. The second time does nothing. */
  tell(): void;
}

/** The parent of a process in the background; undefined in front. To be asked once, and before the process becomes another user. */
export function detachedFrom(): Parent | undefined {
  const path = process.env[REPORT];
  if (path === undefined) return undefined;
  delete process.env[REPORT];
  let report: number | undefined;
  try {
    report = openSync(path, "r+");
  } catch {
    // The parent has gone, and nobody waits.
  }
  return {
    tell() {
      if (report === undefined) return;
      writeSync(report, "up");
      closeSync(report);
      report = undefined;
    },
  };
}

export type Detached = { readonly pid: number } | { readonly failed: string };

/** Throws when the output file cannot be opened, or this system does not tell how a process was started. */
export async function detach(logFile: string): Promise<Detached> {
  const output = openSync(logFile, "a", 0o640);
  const dir = mkdtempSync(join(tmpdir(), "kasi-start-"));
  const report = join(dir, "report");
  let timer: ReturnType<typeof setInterval> | undefined;
  try {
    writeFileSync(report, "", { mode: 0o600 });
    const { promise, resolve } = Promise.withResolvers<Detached>();
    const child = spawn(process.execPath, ownArguments(), {
      detached: true,
      stdio: ["ignore", output, output],
      env: { ...process.env, [REPORT]: report },
    });
    timer = setInterval(() => {
      if (readFileSync(report, "utf8") === "up") resolve({ pid: child.pid! });
    }, POLL_MS);
    child.once("error", (cause) => resolve({ failed: cause.message }));
    child.once("exit", (code, signal) => resolve({ failed: `it ended with ${code ?? signal}` }));
    const outcome = await promise;
    child.removeAllListeners();
    child.unref();
    return outcome;
  } finally {
    clearInterval(timer);
    closeSync(output);
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Everything behind the program's name, the runtime's own options too, which neither runtime tells in full. */
function ownArguments(): string[] {
  return readFileSync("/proc/self/cmdline", "utf8").split("\0").slice(1, -1);
}
