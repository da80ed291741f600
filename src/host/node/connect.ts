/** Opens connections by `node:net`: TCP with an optional source address, or Unix sockets. */
import net from "node:net";
import type { Conn } from "../types.ts";
import { socketConn } from "./conn.ts";

export type ConnectOptions =
  | { readonly hostname: string; readonly port: number; readonly localAddress?: string; readonly signal?: AbortSignal }
  | { readonly path: string; readonly signal?: AbortSignal };

/** Rejects with the socket's error (`ECONNREFUSED`, …) or the signal's reason; leaves no socket behind. */
export function connect(options: ConnectOptions): Promise<Conn> {
  const { signal } = options;
  if (signal?.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    const path = "path" in options ? options.path : undefined;
    const socket = "path" in options ? net.connect({ path: options.path, allowHalfOpen: true }) : net.connect({
      host: options.hostname,
      port: options.port,
      allowHalfOpen: true,
      ...(options.localAddress === undefined ? {} : { localAddress: options.localAddress }),
    });
    const settle = () => {
      signal?.removeEventListener("abort", onAbort);
      socket.off("error", fail);
    };
    const fail = (reason: unknown) => {
      settle();
      socket.on("error", () => {});
      socket.destroy();
      reject(reason);
    };
    const onAbort = () => fail(signal!.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    socket.once("error", fail);
    socket.once("connect", () => {
      settle();
      resolve(socketConn(socket, path));
    });
  });
}
