/**
 * Runs a program to its end, by `node:child_process`, which gives it open files as descriptors on both runtimes (Deno's own `Command` does not).
 *
 * Arguments go as they are; no shell. Late or aborted it is killed, and the promise rejects once it is gone.
 */
import { spawn, type StdioOptions } from "node:child_process";
import fs from "node:fs";
import { utf8Decode } from "../base/bytes.ts";
import { systemClock } from "../base/clock.ts";
import { deadline } from "../base/deadline.ts";
import type { RunEnd, RunOptions } from "./types.ts";

/** Of what it complains about. */
const MOST_KEPT = 4096;

export async function run({ program, args, reads, timeoutMs, signal }: RunOptions): Promise<RunEnd> {
  const open: number[] = [];
  try {
    signal.throwIfAborted();
    for (const path of reads) open.push(fs.openSync(path, "r"));
    const stdio: StdioOptions = [0, 1].map((n) => open[n] ?? "ignore");
    stdio.push("pipe");
    return await ended(program, args, stdio, deadline(systemClock, timeoutMs, program, signal));
  } finally {
    for (const descriptor of open) fs.closeSync(descriptor);
  }
}

async function ended(
  program: string,
  args: readonly string[],
  stdio: StdioOptions,
  limit: ReturnType<typeof deadline>,
): Promise<RunEnd> {
  let complaint = "";
  let kill = () => {};
  try {
    const { code } = await new Promise<{ code: number | null }>((resolve, reject) => {
      const child = spawn(program, args, { stdio, shell: false });
      kill = () => void child.kill("SIGKILL");
      limit.signal.addEventListener("abort", kill, { once: true });
      child.stderr?.on("data", (bytes: Uint8Array) => {
        if (complaint.length < MOST_KEPT) complaint += utf8Decode(bytes).slice(0, MOST_KEPT - complaint.length);
      });
      child.once("error", reject);
      child.once("exit", () => {
        if (!limit.signal.aborted) return;
        // What it started may live on, and hold the pipe.
        child.stderr?.destroy();
        resolve({ code: null });
      });
      child.once("close", (code) => resolve({ code }));
    });
    limit.signal.throwIfAborted();
    return { code: code ?? undefined, complaint: complaint.trim() };
  } finally {
    limit.signal.removeEventListener("abort", kill);
    limit.end();
  }
}
