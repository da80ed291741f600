/**
 * Runs this very program once more, in a session of its own with its output in a file: how a process gets into the background where there is no fork.
 *
 * The copy tells its parent by SIGUSR2 that it stands; the parent waits for that, or for the copy's end, so that a start that fails is seen.
 */
import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import process from "node:process";

const PARENT = "KASI_DAEMON_OF";

/** Whether this process is such a copy, of a parent that may be gone by now. */
export const isDetached = () => process.env[PARENT] !== undefined;

/** In the copy: all is well. */
export function tellParent(): void {
  // A parent that went away has left its number to somebody else.
  if (Number(process.env[PARENT]) === process.ppid) process.kill(process.ppid, "SIGUSR2");
}

export type Detached = { readonly pid: number } | { readonly failed: string };

/** Throws when the output file cannot be opened, or this system does not tell how a process was started. */
export async function detach(logFile: string): Promise<Detached> {
  const output = openSync(logFile, "a", 0o640);
  try {
    const { promise, resolve } = Promise.withResolvers<Detached>();
    const child = spawn(process.execPath, ownArguments(), {
      detached: true,
      stdio: ["ignore", output, output],
      env: { ...process.env, [PARENT]: String(process.pid) },
    });
    const stands = () => resolve({ pid: child.pid! });
    process.on("SIGUSR2", stands);
    child.once("error", (cause) => resolve({ failed: cause.message }));
    child.once("exit", (code, signal) => resolve({ failed: `it ended with ${code ?? signal}` }));
    const outcome = await promise;
    process.off("SIGUSR2", stands);
    child.removeAllListeners();
    child.unref();
    return outcome;
  } finally {
    closeSync(output);
  }
}

/** Everything behind the program's name, the runtime's own options too, which neither runtime tells in full. */
function ownArguments(): string[] {
  return readFileSync("/proc/self/cmdline", "utf8").split("\0").slice(1, -1);
}
