/** Starting, watching and ending the processes of a bench: CPU time and memory are read from /proc, for a whole process tree. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync } from "node:fs";
import net from "node:net";

const TICKS_PER_SECOND = 100;

export interface Running {
  readonly pid: number;
  /** Ends the process and all below it; resolves when it is gone. */
  stop(): Promise<void>;
  readonly child: ChildProcess;
}

/** Starts a command with its output in `logFile`. */
export function start(
  command: readonly string[],
  options: { cwd?: string; env?: Record<string, string>; logFile: string },
): Running {
  const log = openSync(options.logFile, "a");
  const child = spawn(command[0]!, command.slice(1), {
    cwd: options.cwd,
    env: { ...Deno.env.toObject(), ...options.env },
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  const gone = new Promise<void>((resolve) => child.once("close", () => resolve()));
  return {
    child,
    pid: child.pid!,
    async stop() {
      const below = tree(child.pid!);
      child.kill("SIGTERM");
      const late = setTimeout(() => below.forEach((pid) => kill(pid)), 5000);
      await gone;
      clearTimeout(late);
      below.forEach((pid) => kill(pid));
    },
  };
}

function kill(pid: number) {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch { /* gone already */ }
}

function stat(pid: number): { ppid: number; cpu: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const rest = text.slice(text.lastIndexOf(")") + 2).split(" ");
    // Fields 4 (ppid), 14–17 (utime, stime, and those of children that were waited for).
    return {
      ppid: Number(rest[1]),
      cpu: rest.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS_PER_SECOND,
    };
  } catch {
    return undefined;
  }
}

/** The process and all its descendants. */
export function tree(root: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    const ppid = Number.isInteger(pid) ? stat(pid)?.ppid : undefined;
    if (ppid !== undefined) parents.set(pid, ppid);
  }
  const found = [root];
  for (let i = 0; i < found.length; i++) for (const [pid, ppid] of parents) if (ppid === found[i]) found.push(pid);
  return found;
}

export function cpuSeconds(root: number): number {
  return tree(root).reduce((sum, pid) => sum + (stat(pid)?.cpu ?? 0), 0);
}

/** Proportional set size of the tree in MiB: shared pages are counted once. */
export function memoryMiB(root: number): number {
  let kib = 0;
  for (const pid of tree(root)) {
    try {
      kib += Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1] ?? 0);
    } catch { /* gone */ }
  }
  return kib / 1024;
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer().once("error", reject).listen(0, "127.0.0.1", () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/** Resolves when a server greets with 220 on the port. */
export async function untilGreets(port: number, seconds = 30): Promise<void> {
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    const greeted = await new Promise<boolean>((resolve) => {
      const socket = net.connect(port, "127.0.0.1");
      const done = (ok: boolean) => {
        socket.destroy();
        resolve(ok);
      };
      socket.once("data", (bytes) => done(bytes.toString("latin1").startsWith("220"))).once("error", () => done(false))
        .setTimeout(2000, () => done(false));
    });
    if (greeted) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`Cannot reach a server on port ${port} within ${seconds} s`);
}
