/**
 * A network in memory: listeners, connections with back-pressure, refusals and silence.
 *
 * A connection holds at most `CAPACITY` octets each way; a writer waits beyond that. `close()` gives the peer its end after
 * what was sent; `reset` makes it fail. As with the real thing, closing twice throws.
 */
import type { Bytes } from "../../src/base/bytes.ts";
import type { Addr, Conn, Listener, NetAddr } from "../../src/host/types.ts";

/** Octets that a direction holds before its writer waits. */
export const CAPACITY = 65_536;

export interface PairOptions {
  /** At most so many octets come with one read: 1 shows every split. */
  readonly chunk?: number;
  readonly client?: Addr;
  readonly server?: Addr;
}

export interface MemoryConn extends Conn {
  /** Ends it as a reset does: the peer's reads and writes fail at once. */
  reset(): void;
  readonly closed: boolean;
}

const CLIENT: NetAddr = { transport: "tcp", hostname: "192.0.2.100", port: 41_000 };
const SERVER: NetAddr = { transport: "tcp", hostname: "198.51.100.1", port: 25 };

/** Two ends of a connection: the client's and the server's. */
export function connectionPair(options: PairOptions = {}): readonly [MemoryConn, MemoryConn] {
  const client = options.client ?? CLIENT;
  const server = options.server ?? SERVER;
  const up = new Pipe(options.chunk ?? Infinity);
  const down = new Pipe(options.chunk ?? Infinity);
  return [end(down, up, client, server), end(up, down, server, client)];
}

export class MemoryNet {
  /** `192.0.2.9:25`: dialling it is never answered. */
  readonly silent: Set<string> = new Set();
  /** Every address dialled, in order. */
  readonly dialled: string[] = [];
  /** Size of the pieces that reads give, for every connection made from now on. */
  chunk: number = Infinity;
  readonly #doors = new Map<string, MemoryListener>();
  #nextPort = 49_152;

  listen(options: { hostname?: string; port: number } | { path: string }): Listener {
    const addr: Addr = "path" in options
      ? { transport: "unix", path: options.path }
      : { transport: "tcp", hostname: options.hostname ?? "0.0.0.0", port: options.port || this.#nextPort++ };
    const key = keyOf(addr);
    if (this.#doors.has(key)) throw Object.assign(new Error(`Address already in use: ${key}`), { code: "EADDRINUSE" });
    const door = new MemoryListener(addr, () => this.#doors.delete(key));
    this.#doors.set(key, door);
    return door;
  }

  /** `from` is the client's address as the server sees it. */
  async connect(
    options: { hostname?: string; port: number; signal?: AbortSignal } | { path: string; signal?: AbortSignal },
    from?: string,
  ): Promise<MemoryConn> {
    options.signal?.throwIfAborted();
    const to: Addr = "path" in options
      ? { transport: "unix", path: options.path }
      : { transport: "tcp", hostname: options.hostname ?? "127.0.0.1", port: options.port };
    const key = keyOf(to);
    this.dialled.push(key);
    if (this.silent.has(key)) await aborted(options.signal);
    const anywhere = to.transport === "tcp" ? [`0.0.0.0:${to.port}`, `[::]:${to.port}`] : [];
    const door = [key, ...anywhere].map((each) => this.#doors.get(each)).find((each) => each !== undefined);
    if (door === undefined) throw Object.assign(new Error(`Connection refused: ${key}`), { code: "ECONNREFUSED" });
    const client: Addr = to.transport === "tcp"
      ? { transport: "tcp", hostname: from ?? CLIENT.hostname, port: this.#nextPort++ }
      : { transport: "unix", path: "" };
    const [near, far] = connectionPair({ chunk: this.chunk, client, server: to });
    door.offer(far);
    return near;
  }
}

class MemoryListener implements Listener {
  readonly addr: Addr;
  readonly #waiting: Conn[] = [];
  readonly #accepting: { resolve: (conn: Conn) => void; reject: (reason: Error) => void }[] = [];
  readonly #onClose: () => void;
  #closed = false;

  constructor(addr: Addr, onClose: () => void) {
    this.addr = addr;
    this.#onClose = onClose;
  }

  offer(conn: Conn): void {
    const first = this.#accepting.shift();
    if (first === undefined) this.#waiting.push(conn);
    else first.resolve(conn);
  }

  accept(): Promise<Conn> {
    if (this.#closed) return Promise.reject(new Error("Listener has been closed"));
    const conn = this.#waiting.shift();
    if (conn !== undefined) return Promise.resolve(conn);
    return new Promise((resolve, reject) => this.#accepting.push({ resolve, reject }));
  }

  close(): void {
    this.#closed = true;
    this.#onClose();
    for (const each of this.#accepting.splice(0)) each.reject(new Error("Listener has been closed"));
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Conn> {
    while (!this.#closed) {
      try {
        yield await this.accept();
      } catch {
        return;
      }
    }
  }
}

/** One direction: octets in order, an end or a fault. */
class Pipe {
  readonly #chunk: number;
  readonly #held: Bytes[] = [];
  #size = 0;
  #ended = false;
  #fault: Error | undefined;
  /** Wakes whoever waits for a change: at most a reader and a writer. */
  #wake: (() => void)[] = [];

  constructor(chunk: number) {
    this.#chunk = chunk;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#fault !== undefined) throw this.#fault;
    if (this.#ended) throw Object.assign(new Error("Broken pipe"), { code: "EPIPE" });
    if (bytes.length === 0) return;
    this.#held.push(new Uint8Array(bytes));
    this.#size += bytes.length;
    this.#change();
    while (this.#size > CAPACITY && this.#fault === undefined) await this.#changed();
    if (this.#fault !== undefined) throw this.#fault;
  }

  async read(into: Uint8Array): Promise<number | null> {
    while (this.#size === 0) {
      if (this.#fault !== undefined) throw this.#fault;
      if (this.#ended) return null;
      await this.#changed();
    }
    if (this.#fault !== undefined) throw this.#fault;
    const limit = Math.min(into.length, this.#chunk);
    let at = 0;
    while (at < limit && this.#held.length > 0) {
      const first = this.#held[0]!;
      const length = Math.min(first.length, limit - at);
      into.set(first.subarray(0, length), at);
      at += length;
      if (length === first.length) this.#held.shift();
      else this.#held[0] = first.subarray(length);
    }
    this.#size -= at;
    this.#change();
    return at;
  }

  end(): void {
    this.#ended = true;
    this.#change();
  }

  fail(fault: Error): void {
    this.#fault ??= fault;
    this.#change();
  }

  #changed(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve));
  }

  #change(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}

function end(incoming: Pipe, outgoing: Pipe, localAddr: Addr, remoteAddr: Addr): MemoryConn {
  let closed = false;
  const gone = () => Object.assign(new Error("Bad resource ID"), { name: "BadResource" });
  const readable = new ReadableStream({
    type: "bytes",
    autoAllocateChunkSize: 16_384,
    async pull(controller) {
      const request = controller.byobRequest!;
      const view = request.view!;
      const length = await incoming.read(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
      if (length === null) controller.close();
      request.respond(length ?? 0);
    },
  });
  const writable = new WritableStream<Uint8Array<ArrayBufferLike>>({
    write: (bytes) => outgoing.write(bytes),
    close: () => outgoing.end(),
    abort: () => outgoing.end(),
  });
  return {
    readable: readable as ReadableStream<Bytes>,
    writable,
    localAddr,
    remoteAddr,
    get closed() {
      return closed;
    },
    close() {
      if (closed) throw gone();
      closed = true;
      outgoing.end();
      incoming.fail(gone());
    },
    reset() {
      closed = true;
      const reset = Object.assign(new Error("Connection reset by peer"), { code: "ECONNRESET" });
      outgoing.fail(reset);
      incoming.fail(reset);
    },
    async closeWrite() {
      outgoing.end();
    },
    setNoDelay() {},
  };
}

function keyOf(addr: Addr): string {
  if (!("port" in addr)) return `unix:${addr.path}`;
  const name = addr.hostname === "localhost" ? "127.0.0.1" : addr.hostname;
  return name.includes(":") ? `[${name}]:${addr.port}` : `${name}:${addr.port}`;
}

function aborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason), { once: true }));
}
