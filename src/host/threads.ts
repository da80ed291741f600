/**
 * Threads of ours, by `node:worker_threads`, which works the same on both runtimes. A fault that nobody caught in one ends that thread and
 * nothing else; so does `exit` of its host.
 */
import os from "node:os";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import type { Thread } from "./types.ts";

/** Starts `module` in a thread of its own, which finds `data` by {@linkcode thisThread}. `data` and messages are copied; shared memory is shared. */
export function startThread(module: URL, data: unknown): Thread {
  const worker = new Worker(module, { workerData: data });
  const ended = Promise.withResolvers<{ readonly code: number; readonly fault?: unknown }>();
  let fault: { readonly fault: unknown } | undefined;
  // Listened to, it does not end the process.
  worker.on("error", (reason) => void (fault = { fault: reason }));
  worker.on("exit", (code) => ended.resolve({ code: fault === undefined ? code : code || 1, ...fault }));
  return {
    post: (message) => worker.postMessage(message),
    onMessage: (listener) => void worker.on("message", listener),
    ended: ended.promise,
    terminate: () => void worker.terminate(),
  };
}

/** The thread we run in, seen from inside; undefined in the main one. */
export function thisThread():
  | { readonly data: unknown; post(message: unknown): void; onMessage(listener: (message: unknown) => void): void }
  | undefined {
  const port = parentPort;
  if (isMainThread || port === null) return undefined;
  return {
    data: workerData,
    post: (message) => port.postMessage(message),
    onMessage: (listener) => void port.on("message", listener),
  };
}

/** Threads that can run at one time. */
export const processors = (): number => os.availableParallelism();

/** Why sockets cannot be shared among threads here; undefined when they can. */
export function reusePortFault(): string | undefined {
  const deno = (globalThis as { Deno?: object }).Deno;
  // Deno shows this function under the same flag, and ends the process rather than throw when it is missing.
  return deno === undefined || "listenDatagram" in deno
    ? undefined
    : 'start Deno with --unstable-net, or put "unstable": ["net"] into deno.json';
}
