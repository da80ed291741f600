/** The `Host` for Node: what the house asks of `Deno`, over node:net, node:fs, node:os and `process`. */
import fs from "node:fs";
import os from "node:os";
import process from "node:process";
import type { Host } from "../types.ts";
import { connect } from "./connect.ts";
import { AlreadyExists, NotFound } from "./errors.ts";
import { nodeFiles } from "./files.ts";
import { listen } from "./listener.ts";
import { watchFs } from "./watch.ts";

function output(fd: number, stream: { isTTY?: boolean }) {
  return {
    writeSync(from: Uint8Array): number {
      try {
        return fs.writeSync(fd, from);
      } catch (reason) {
        // A full pipe whose reader is slow: nothing got through this time.
        if ((reason as { code?: string }).code === "EAGAIN") return 0;
        throw reason;
      }
    },
    isTerminal: () => stream.isTTY === true,
  };
}

const stdin = {
  readSync(into: Uint8Array): number | null {
    for (;;) {
      try {
        return fs.readSync(0, into) || null;
      } catch (reason) {
        const { code } = reason as { code?: string };
        if (code === "EOF") return null;
        if (code !== "EAGAIN") throw reason;
        // Nothing there yet, and this descriptor does not wait by itself.
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
      }
    }
  },
  isTerminal: () => process.stdin.isTTY === true,
  setRaw: (raw: boolean) => void process.stdin.setRawMode(raw),
};

export const nodeHost: Host = {
  ...nodeFiles,
  listen,
  connect(options: { hostname?: string; port: number; signal?: AbortSignal } | { path: string; signal?: AbortSignal }) {
    const signal = options.signal === undefined ? {} : { signal: options.signal };
    return "path" in options
      ? connect({ path: options.path, ...signal })
      : connect({ hostname: options.hostname ?? "127.0.0.1", port: options.port, ...signal });
  },
  watchFs,
  pid: process.pid,
  args: process.argv.slice(2),
  env: {
    get: (name) => process.env[name],
    toObject: () => ({ ...process.env }) as { [name: string]: string },
  },
  errors: { NotFound, AlreadyExists },
  stdin,
  stdout: output(1, process.stdout),
  stderr: output(2, process.stderr),
  hostname: () => os.hostname(),
  cwd: () => process.cwd(),
  exit: (code) => process.exit(code),
  kill: (pid, signal) => void process.kill(pid, signal),
  memoryUsage: () => process.memoryUsage(),
  addSignalListener: (signal, handler) => void process.on(signal, handler),
  removeSignalListener: (signal, handler) => void process.off(signal, handler),
};
