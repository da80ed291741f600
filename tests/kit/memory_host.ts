/**
 * A whole machine in memory: network, TLS, DNS, disk, time, signals and environment.
 *
 *     const machine = memoryMachine({ zone: { "example.com": { MX: ["10 mx.example.com"] } } });
 *     await machine.clock.advance(60_000);
 *     machine.disk.before = (operation) => { if (operation.kind === "sync") throw ioError(); };
 *
 * The parts are classes of their own (`MemoryDisk`, `MemoryNet`, `FakeClock`, `zone()`), so that a test takes only what it needs.
 */
import type { DialOptions, Host, Machine, SignalName } from "../../src/host/types.ts";
import { FakeClock } from "./fake_clock.ts";
import { MemoryAlreadyExists, MemoryDisk, MemoryNotFound } from "./memory_disk.ts";
import { MemoryNet } from "./memory_net.ts";
import { MemoryRedis } from "./memory_redis.ts";
import { memorySecureClient } from "./memory_tls.ts";
import { zone, type ZoneResolver, type ZoneText } from "./zone.ts";

export interface MemoryMachineOptions {
  readonly zone?: ZoneText;
  readonly clock?: FakeClock;
  readonly env?: { readonly [name: string]: string };
  readonly args?: readonly string[];
  readonly hostname?: string;
  /** Answers `fetch`; without it there is no network for HTTP. */
  readonly fetch?: (request: Request) => Promise<Response>;
  /** Stands for the programs there are; without it there are none. */
  readonly run?: Machine["run"];
  readonly openUdp?: Machine["openUdp"];
  readonly openLocalLog?: Machine["openLocalLog"];
}

export interface MemoryMachine extends Machine {
  /** What `setTitle` was told. */
  readonly titles: readonly string[];
  readonly clock: FakeClock;
  readonly resolver: ZoneResolver;
  readonly net: MemoryNet;
  readonly disk: MemoryDisk;
  /** The Redis server that `openRedis` reaches, whatever its address. */
  readonly redis: MemoryRedis;
  /** What was written to standard output and standard error. */
  readonly printed: { stdout: string; stderr: string };
  /** Calls the handlers of a signal. */
  raise(signal: SignalName): void;
}

/** What `exit()` throws, so that a test sees it. */
export class ExitCalled extends Error {
  readonly code: number;
  constructor(code: number) {
    super(`exit(${code})`);
    this.code = code;
  }
}

export function memoryMachine(options: MemoryMachineOptions = {}): MemoryMachine {
  const clock = options.clock ?? new FakeClock();
  const net = new MemoryNet();
  const disk = new MemoryDisk(() => clock.now());
  const redis = new MemoryRedis(clock);
  const printed = { stdout: "", stderr: "" };
  const handlers = new Map<SignalName, Set<() => void>>();
  const watchers = new Set<Watcher>();
  disk.changed = (kind, path) => {
    for (const watcher of watchers) watcher.offer(kind, path);
  };
  const titles: string[] = [];
  const env = { ...options.env };
  const output = (name: "stdout" | "stderr") => ({
    writeSync(bytes: Uint8Array) {
      printed[name] += new TextDecoder().decode(bytes);
      return bytes.length;
    },
    isTerminal: () => false,
  });

  const host: Host = {
    listen: (o) => net.listen(o),
    connect: (o: { port: number } | { path: string }) => net.connect(o),
    openSync: (path, o) => disk.openSync(path, o),
    readFileSync: (path) => disk.readFileSync(path),
    readTextFileSync: (path) => disk.readTextFileSync(path),
    writeFileSync: (path, data, o) => disk.writeFileSync(path, data, o),
    writeTextFileSync: (path, data, o) => disk.writeTextFileSync(path, data, o),
    mkdirSync: (path, o) => disk.mkdirSync(path, o),
    readDirSync: (path) => disk.readDirSync(path),
    renameSync: (from, to) => disk.renameSync(from, to),
    linkSync: (from, to) => disk.linkSync(from, to),
    removeSync: (path, o) => disk.removeSync(path, o),
    statSync: (path) => disk.statSync(path),
    lstatSync: (path) => disk.lstatSync(path),
    realPathSync: (path) => disk.realPathSync(path),
    chmodSync: (path, mode) => disk.chmodSync(path, mode),
    watchFs(paths) {
      const watcher = new Watcher(typeof paths === "string" ? [paths] : paths, () => watchers.delete(watcher));
      watchers.add(watcher);
      return watcher;
    },
    pid: 4242,
    args: [...options.args ?? []],
    env: { get: (name) => env[name], toObject: () => ({ ...env }) },
    errors: { NotFound: MemoryNotFound, AlreadyExists: MemoryAlreadyExists },
    stdin: { readSync: () => null, isTerminal: () => false, setRaw: () => {} },
    stdout: output("stdout"),
    stderr: output("stderr"),
    hostname: () => options.hostname ?? "mail.test",
    cwd: () => "/",
    exit(code = 0): never {
      throw new ExitCalled(code);
    },
    memoryUsage: () => ({ rss: 50_000_000, heapUsed: 20_000_000 }),
    addSignalListener(signal, handler) {
      const known = handlers.get(signal) ?? new Set();
      handlers.set(signal, known.add(handler));
    },
    kill: (_pid, signal = "SIGTERM") => {
      for (const handler of handlers.get(signal) ?? []) handler();
    },
    removeSignalListener: (signal, handler) => void handlers.get(signal)?.delete(handler),
  };

  return {
    host,
    clock,
    resolver: zone(options.zone),
    net,
    disk,
    printed,
    raise: (signal) => {
      for (const handler of [...handlers.get(signal) ?? []]) handler();
    },
    dial: (dial) => dialInMemory(net, clock, dial),
    secureClient: (conn, upgrade) => memorySecureClient(clock, conn, upgrade),
    fetch: (url, init) => {
      if (options.fetch === undefined) return Promise.reject(new Error("This test has no network for HTTP"));
      return options.fetch(new Request(url, init));
    },
    openRedis: (settings, watch) => Promise.resolve(redis.open(settings, watch)),
    run: (run) => {
      if (options.run === undefined) return Promise.reject(new Error("This test has no programs"));
      return options.run(run);
    },
    openUdp: (to) => options.openUdp?.(to) ?? Promise.reject(new Error("This test has no UDP")),
    openLocalLog: (log) => options.openLocalLog?.(log) ?? Promise.reject(new Error("This test has no local log")),
    titles,
    setTitle: (title) => void titles.push(title),
    redis,
    localAddresses: () => ["127.0.0.1", "::1", "198.51.100.1"],
  };
}

async function dialInMemory(net: MemoryNet, clock: FakeClock, options: DialOptions) {
  const late = new AbortController();
  const timer = clock.after(
    options.timeoutMs,
    () => late.abort(new Error(`Connection timed out after ${options.timeoutMs} ms`)),
  );
  const signal = options.signal === undefined ? late.signal : AbortSignal.any([late.signal, options.signal]);
  try {
    return await net.connect({ ...options.to, signal }, options.localAddress);
  } finally {
    timer.cancel();
  }
}

interface Change {
  readonly kind: string;
  readonly paths: string[];
}

/** Changes below the watched paths, in order. */
class Watcher implements AsyncIterable<Change> {
  readonly #paths: readonly string[];
  readonly #onClose: () => void;
  readonly #held: Change[] = [];
  #wake: () => void = () => {};
  #closed = false;

  constructor(paths: readonly string[], onClose: () => void) {
    this.#paths = paths;
    this.#onClose = onClose;
  }

  offer(kind: string, path: string): void {
    if (!this.#paths.some((watched) => path === watched || path.startsWith(`${watched.replace(/\/$/, "")}/`))) return;
    this.#held.push({ kind, paths: [path] });
    this.#wake();
  }

  close(): void {
    this.#closed = true;
    this.#onClose();
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Change> {
    while (true) {
      const change = this.#held.shift();
      if (change !== undefined) yield change;
      else if (this.#closed) return;
      else await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
}
