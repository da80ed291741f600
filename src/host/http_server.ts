/**
 * An HTTP server on one endpoint: `Deno.serve`, or `node:http` behind the same shape. With a certificate it speaks HTTPS.
 *
 * Rejects with the runtime's error when the endpoint cannot be bound. A socket file left behind by an earlier process is replaced.
 */
import process from "node:process";
import { normalizeIp } from "../base/ip.ts";
import type { Addr, Host, HttpHandler, HttpPair, HttpPeer, HttpServer } from "./types.ts";

export type HttpEndpoint = { readonly host: string; readonly port: number } | {
  readonly path: string;
  /** Permission bits for the socket file. */
  readonly mode?: number;
};

export interface HttpServerOptions {
  readonly host: Host;
  readonly endpoint: HttpEndpoint;
  readonly handler: HttpHandler;
  readonly tls?: HttpPair;
}

export async function serveHttp(options: HttpServerOptions): Promise<HttpServer> {
  const { host, endpoint } = options;
  if ("path" in endpoint) removeStaleSocket(host, endpoint.path);
  const open = "Deno" in globalThis ? serveOnDeno : (await import("./node/http_server.ts")).serveOnNode;
  if (!("path" in endpoint) || endpoint.mode === undefined) return await open(options);
  const server = await whileMasked(~endpoint.mode & 0o777, () => open(options));
  host.chmodSync(endpoint.path, endpoint.mode);
  return server;
}

/** Both runtimes bind before they return: the socket never has more permissions than it shall, not for a moment. */
function whileMasked<T>(mask: number, bind: () => T): T {
  const before = setMask(mask);
  try {
    return bind();
  } finally {
    if (before !== undefined) setMask(before);
  }
}

function setMask(mask: number): number | undefined {
  try {
    return process.umask(mask);
  } catch {
    // Deno wants --allow-sys for it; the permissions are set behind the binding then.
    return undefined;
  }
}

function removeStaleSocket(host: Host, path: string): void {
  try {
    if (!host.statSync(path).isFile) host.removeSync(path);
  } catch (cause) {
    if (!(cause instanceof host.errors.NotFound)) throw cause;
  }
}

/** `Deno.serve` holds on to its certificate: a renewed one is served by a second server on the same port, while the first says its last.
 * A connection that is in its handshake then is cut off. */
function serveOnDeno(options: HttpServerOptions): HttpServer {
  let server = openOnDeno(options);
  const leaving = new Set<Promise<void>>();
  const { addr } = server;
  return {
    addr,
    async close(deadlineMs) {
      await Promise.all([server.close(deadlineMs), ...leaving]);
    },
    async renew(tls) {
      const { endpoint } = options;
      const port = addr.transport === "tcp" ? addr.port : 0;
      const before = server;
      server = openOnDeno({ ...options, endpoint: "path" in endpoint ? endpoint : { ...endpoint, port }, tls });
      const left: Promise<void> = before.close(LAST_WORDS_MS).finally(() => leaving.delete(left));
      leaving.add(left);
      await left;
    },
  };
}

const LAST_WORDS_MS = 2000;

function openOnDeno({ endpoint, handler, tls }: HttpServerOptions): Pick<HttpServer, "addr" | "close"> {
  const cut = new AbortController();
  const open = new Set<Promise<void>>();
  let closing = false;
  const handle = (request: Request, { remoteAddr, completed }: Deno.ServeHandlerInfo) => {
    if (closing) return new Response("Closing\n", { status: 503, headers: { connection: "close" } });
    const ended: Promise<void> = completed.catch(() => {}).finally(() => open.delete(ended));
    open.add(ended);
    return handler(request, peerOf(request, remoteAddr));
  };
  const common = { signal: cut.signal, onListen() {} };
  const server = "path" in endpoint ? Deno.serve({ ...common, path: endpoint.path }, handle) : Deno.serve({
    ...common,
    hostname: endpoint.host,
    port: endpoint.port,
    ...(tls && { ...tls, reusePort: true }),
  }, handle);
  return {
    addr: server.addr as Addr,
    async close(deadlineMs) {
      closing = true;
      // Not by the house's clock: what is waited for is the runtime's own doing.
      const { promise: late, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, deadlineMs);
      await Promise.race([Promise.all(open), late]);
      clearTimeout(timer);
      // `shutdown` lets the last octets leave but waits for ever; once it runs the signal may no longer be raised (Deno 2.9 throws).
      if (open.size === 0) await server.shutdown();
      else {
        cut.abort();
        await server.finished;
      }
    },
  };
}

function peerOf(request: Request, remote: Deno.Addr): HttpPeer {
  return {
    ip: "hostname" in remote ? normalizeIp(remote.hostname) : "",
    upgrade(onOpen) {
      const { socket, response } = Deno.upgradeWebSocket(request);
      socket.binaryType = "arraybuffer";
      socket.addEventListener("open", () => onOpen(socket), { once: true });
      socket.addEventListener("error", () => {}); // its end is told by "close"
      return response;
    },
  };
}
