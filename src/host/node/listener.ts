/** `Deno.listen` over node:net. Connections wait until they are accepted; faults of the listening socket come out of `accept()`. */
import net from "node:net";
import { getSystemErrorName } from "node:util";
import type { Addr, Conn, Listener } from "../types.ts";
import { socketConn } from "./conn.ts";

type Options = { hostname?: string; port: number; reusePort?: boolean; transport?: "tcp" } | {
  transport: "unix";
  path: string;
};

class NodeListener implements Listener {
  readonly #server: net.Server;
  readonly #path: string | undefined;
  readonly #waiting: Conn[] = [];
  readonly #accepting: { resolve: (conn: Conn) => void; reject: (reason: unknown) => void }[] = [];
  #fault: Error | undefined;

  constructor(server: net.Server, path: string | undefined) {
    this.#server = server;
    this.#path = path;
    server.on("connection", (socket) => {
      // Nobody may come too late for a fault of the socket.
      socket.on("error", () => {});
      const conn = socketConn(socket, path);
      const first = this.#accepting.shift();
      if (first === undefined) this.#waiting.push(conn);
      else first.resolve(conn);
    });
    server.on("error", (error) => this.#stop(error));
  }

  get addr(): Addr {
    const bound = this.#server.address();
    if (bound === null || typeof bound === "string") return { transport: "unix", path: this.#path ?? "" };
    return { transport: "tcp", hostname: bound.address, port: bound.port };
  }

  accept(): Promise<Conn> {
    const conn = this.#waiting.shift();
    if (conn !== undefined) return Promise.resolve(conn);
    if (this.#fault !== undefined) return Promise.reject(this.#fault);
    return new Promise((resolve, reject) => this.#accepting.push({ resolve, reject }));
  }

  close(): void {
    if (this.#fault !== undefined) return;
    this.#stop(Object.assign(new Error("Listener has been closed"), { name: "BadResource" }));
    this.#server.close();
    for (const conn of this.#waiting.splice(0)) conn.close();
  }

  #stop(fault: Error): void {
    this.#fault ??= fault;
    for (const each of this.#accepting.splice(0)) each.reject(this.#fault);
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Conn> {
    while (true) {
      try {
        yield await this.accept();
      } catch (reason) {
        if ((reason as Error).name === "BadResource") return;
        throw reason;
      }
    }
  }
}

/** libuv's flag for SO_REUSEPORT. */
const REUSE_PORT = 2;

/** What net has beside its documented part: binding at once, which `Deno.listen` does and `server.listen` with a host does not. */
type CreateHandle = (address: string, port: number, family: 4 | 6, fd: undefined, flags: number) => object | number;
const createHandle = (net as unknown as { _createServerHandle: CreateHandle })._createServerHandle;

/** Bound when it returns; throws with `code` (`EADDRINUSE`, `EACCES`) when that cannot be. */
export function listen(options: Options): Listener {
  const server = net.createServer({ allowHalfOpen: true, noDelay: true });
  if ("path" in options) {
    const listener = new NodeListener(server, options.path);
    server.listen({ path: options.path });
    if (!server.listening) throw cannot(options.path, "EADDRINUSE");
    return listener;
  }
  const { hostname = "0.0.0.0", port, reusePort } = options;
  const address = hostname === "localhost" ? "127.0.0.1" : hostname;
  if (net.isIP(address) === 0) throw new TypeError(`Cannot listen on ${hostname}: give an address, not a name`);
  const handle = createHandle(
    address,
    port,
    net.isIPv6(address) ? 6 : 4,
    undefined,
    reusePort === true ? REUSE_PORT : 0,
  );
  if (typeof handle === "number") throw cannot(`${address}:${port}`, getSystemErrorName(handle));
  const listener = new NodeListener(server, undefined);
  server.listen(handle);
  if (!server.listening) throw cannot(`${address}:${port}`, "EADDRINUSE");
  return listener;
}

function cannot(where: string, code: string): Error {
  return Object.assign(new Error(`Cannot listen on ${where}: ${code}`), { code });
}
