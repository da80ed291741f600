/** A `net.Socket` as a `Conn`, for Node's host and for what Deno's `connect` cannot do (source addresses). */
import type net from "node:net";
import { normalizeIp } from "../../base/ip.ts";
import { closedError, socketStreams } from "../socket_streams.ts";
import type { Addr, Conn } from "../types.ts";

/** How long octets written before `close()` may take to leave. */
const LINGER_MS = 500;

/** The socket must be connected, and nobody may listen to its data. It must have been made with `allowHalfOpen`. */
export function socketConn(socket: net.Socket, path?: string): Conn {
  let closed = false;
  const streams = socketStreams(socket, { onGone: () => void socket.destroy() });
  socket.setNoDelay(true);
  return {
    get readable() {
      return streams.readable;
    },
    get writable() {
      return streams.writable;
    },
    read: streams.read,
    write: streams.write,
    localAddr: addr(socket.localAddress, socket.localPort, path),
    remoteAddr: addr(socket.remoteAddress, socket.remotePort, path),
    close() {
      if (closed) throw Object.assign(new Error("Bad resource ID"), { name: "BadResource" });
      closed = true;
      streams.fail(closedError());
      // What was written still goes out if it can; the descriptor goes in any case, whether the peer reads or not.
      socket.destroySoon();
      if (!socket.destroyed) {
        const late = setTimeout(() => socket.destroy(), LINGER_MS);
        socket.once("close", () => clearTimeout(late));
      }
      socket.resume();
    },
    closeWrite: () =>
      new Promise((resolve) => socket.destroyed || socket.writableEnded ? resolve() : socket.end(resolve)),
    setNoDelay: (on = true) => void socket.setNoDelay(on),
  };
}

function addr(hostname: string | undefined, port: number | undefined, path: string | undefined): Addr {
  if (path !== undefined) return { transport: "unix", path };
  return { transport: "tcp", hostname: normalizeIp(hostname ?? ""), port: port ?? 0 };
}
