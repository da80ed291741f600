/**
 * The WebSocket side: takes connections at every path, for plugins to listen to and to send to all.
 *
 * A browser is let in from pages of the same host only: any page in the world may try to open a connection to this machine. Programs, which
 * send no Origin, are not asked. Faults of listeners go to the log.
 */
import type { WebSocketsFace } from "../hooks/http.ts";
import type { HttpPeer } from "../host/types.ts";
import type { Logger } from "../log/types.ts";

export interface WebSockets {
  readonly face: WebSocketsFace;
  accept(request: Request, peer: HttpPeer): Response;
  /** Connections open now. */
  readonly size: number;
  /** Says farewell to all (1001, RFC 6455 §7.4.1). */
  close(): void;
}

/** Octets that may wait for a client before it is given up. */
const MOST_WAITING = 1024 * 1024;
const OPEN = 1;

export function createWebSockets(log: Logger): WebSockets {
  const clients = new Set<WebSocket>();
  const listeners: Parameters<WebSocketsFace["onConnection"]>[0][] = [];
  let closing = false;

  const opened = (socket: WebSocket, request: Request) => {
    if (closing) return socket.close(1001);
    clients.add(socket);
    socket.addEventListener("close", () => clients.delete(socket), { once: true });
    for (const listener of listeners) {
      try {
        listener(socket, request);
      } catch (cause) {
        log.error(`A WebSocket listener failed: ${cause instanceof Error ? cause.stack ?? cause.message : cause}`);
      }
    }
  };

  return {
    face: {
      broadcast(data) {
        let reached = 0;
        for (const socket of clients) {
          if (socket.readyState !== OPEN) continue;
          if (socket.bufferedAmount > MOST_WAITING) {
            clients.delete(socket);
            socket.close(1008, "Too slow");
            continue;
          }
          socket.send(data);
          reached++;
        }
        return reached;
      },
      onConnection: (listener) => void listeners.push(listener),
    },
    accept(request, peer) {
      if (!sameHost(request)) return new Response("Forbidden\n", { status: 403 });
      try {
        return peer.upgrade((socket) => opened(socket, request));
      } catch (cause) {
        if (cause instanceof TypeError) return new Response("Bad request\n", { status: 400 });
        throw cause;
      }
    },
    get size() {
      return clients.size;
    },
    close() {
      closing = true;
      for (const socket of clients) socket.close(1001);
    },
  };
}

function sameHost(request: Request): boolean {
  const origin = request.headers.get("origin");
  if (origin === null) return true;
  try {
    return new URL(origin).host === new URL(request.url).host;
  } catch {
    return false; // "null", of sandboxed pages
  }
}
