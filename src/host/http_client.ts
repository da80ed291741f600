/**
 * One HTTP request over a Unix socket: how a command asks the server that runs on this machine. `node:http` knows the way on both runtimes.
 *
 * That nobody listens, or that we may not ask, is an answer like others; what else goes wrong rejects.
 */
import http from "node:http";

export interface SocketRequest {
  readonly method: "GET" | "POST";
  /** Path and query. */
  readonly target: string;
  readonly signal?: AbortSignal;
}

export type SocketAnswer =
  | { readonly kind: "answer"; readonly status: number; readonly body: AsyncIterable<Uint8Array> }
  /** No socket, or one that its server left behind. */
  | { readonly kind: "absent" }
  /** The socket is another user's. */
  | { readonly kind: "denied" };

const FAULTS: { readonly [code: string]: SocketAnswer } = {
  ENOENT: { kind: "absent" },
  ECONNREFUSED: { kind: "absent" },
  EACCES: { kind: "denied" },
  EPERM: { kind: "denied" },
};

/** `body` must be read to its end, or the connection stays open. */
export function askSocket(path: string, { method, target, signal }: SocketRequest): Promise<SocketAnswer> {
  return new Promise((resolve, reject) => {
    const request = http.request({
      socketPath: path,
      method,
      path: target,
      // A connection of its own, which ends with the answer.
      agent: false,
      headers: { host: "localhost", ...(method === "POST" ? { "content-length": "0" } : {}) },
      ...(signal === undefined ? {} : { signal }),
    }, (response) => resolve({ kind: "answer", status: response.statusCode ?? 0, body: response }));
    request.once("error", (cause: Error & { code?: string }) => {
      const fault = FAULTS[cause.code ?? ""];
      if (fault === undefined) reject(cause);
      else resolve(fault);
    });
    request.end();
  });
}
