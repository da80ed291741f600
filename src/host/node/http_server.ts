/** `serveHttp` over node:http and node:https; WebSockets by the package `ws`, which is loaded with the first one. */
import fs from "node:fs";
import http from "node:http";
import https from "node:https";
import type net from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream as NodeStream } from "node:stream/web";
import { normalizeIp } from "../../base/ip.ts";
import type { HttpServerOptions } from "../http_server.ts";
import type { Addr, HttpHandler, HttpServer } from "../types.ts";

/** What we use of `ws`. Its sockets have the shape of the platform's. */
interface WsServer {
  handleUpgrade(
    request: http.IncomingMessage,
    socket: net.Socket,
    head: Uint8Array,
    done: (socket: WebSocket & { on(event: "error", listener: () => void): void }) => void,
  ): void;
}

/** Octets of one message that a client may send. */
const MOST_PAYLOAD = 1024 * 1024;

let wsServer: Promise<WsServer> | undefined;
const loadWs = () =>
  wsServer ??= import("ws").then(({ WebSocketServer }) =>
    new WebSocketServer({ noServer: true, clientTracking: false, maxPayload: MOST_PAYLOAD }) as unknown as WsServer
  );

export async function serveOnNode({ endpoint, handler, tls }: HttpServerOptions): Promise<HttpServer> {
  const server = tls === undefined ? http.createServer() : https.createServer({ ...tls });
  const scheme = tls === undefined ? "http" : "https";
  const upgraded = new Set<net.Socket>();
  server.on("request", (incoming, outgoing) => {
    answer(incoming, outgoing, scheme, handler).catch(() => outgoing.destroy());
  });
  server.on("upgrade", (incoming, socket: net.Socket, head) => {
    upgraded.add(socket);
    socket.on("error", () => {}); // told by "close"
    socket.once("close", () => upgraded.delete(socket));
    answerUpgrade(incoming, socket, head, scheme, handler).catch(() => socket.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    const ready = () => {
      server.off("error", reject);
      server.on("error", () => {}); // accept() ran out of descriptors: others are served on
      resolve();
    };
    if ("path" in endpoint) server.listen({ path: endpoint.path }, ready);
    else server.listen({ host: endpoint.host, port: endpoint.port }, ready);
  });
  const bound = server.address();
  const addr: Addr = bound === null || typeof bound === "string"
    ? { transport: "unix", path: "path" in endpoint ? endpoint.path : "" }
    : { transport: "tcp", hostname: bound.address, port: bound.port };
  return {
    addr,
    async renew(pair) {
      if (server instanceof https.Server) server.setSecureContext({ ...pair });
    },
    close: (deadlineMs) =>
      new Promise((resolve) => {
        const late = setTimeout(() => {
          server.closeAllConnections();
          for (const socket of upgraded) socket.destroy();
        }, deadlineMs);
        server.close(() => {
          clearTimeout(late);
          if (addr.transport === "unix") fs.rmSync(addr.path, { force: true });
          resolve();
        });
        server.closeIdleConnections();
      }),
  };
}

async function answer(
  incoming: http.IncomingMessage,
  outgoing: http.ServerResponse,
  scheme: string,
  handler: HttpHandler,
): Promise<void> {
  const gone = new AbortController();
  outgoing.once("close", () => gone.abort(new Error("The client has gone")));
  const request = requestOf(incoming, scheme, gone.signal);
  const response = request === undefined
    ? new Response("Bad request\n", { status: 400 })
    : await handler(request, { ip: ipOf(incoming), upgrade: noUpgrade });
  await send(response, outgoing);
}

async function answerUpgrade(
  incoming: http.IncomingMessage,
  socket: net.Socket,
  head: Uint8Array,
  scheme: string,
  handler: HttpHandler,
): Promise<void> {
  const ws = await loadWs();
  const gone = new AbortController();
  const request = requestOf(incoming, scheme, gone.signal, false);
  // A Response of status 101 cannot be made here: this one stands for it.
  const taken = new Response(null);
  const response = request === undefined ? new Response("Bad request\n", { status: 400 }) : await handler(request, {
    ip: ipOf(incoming),
    upgrade(onOpen) {
      if (incoming.headers.upgrade?.toLowerCase() !== "websocket") return noUpgrade();
      // What is wrong with the rest of the request, `ws` tells the client itself.
      ws.handleUpgrade(incoming, socket, head, (opened) => {
        opened.binaryType = "arraybuffer";
        opened.on("error", () => {});
        onOpen(opened);
      });
      return taken;
    },
  });
  if (response === taken) return;
  const outgoing = new http.ServerResponse(incoming);
  outgoing.shouldKeepAlive = false;
  outgoing.assignSocket(socket);
  outgoing.once("finish", () => socket.destroySoon());
  await send(response, outgoing);
}

function noUpgrade(): never {
  throw new TypeError("The request does not ask for a WebSocket");
}

const ipOf = ({ socket }: http.IncomingMessage) => normalizeIp(socket.remoteAddress ?? "");

/** undefined for what the platform's Request does not take: an impossible Host, the method TRACE. */
function requestOf(
  incoming: http.IncomingMessage,
  scheme: string,
  signal: AbortSignal,
  withBody = true,
): Request | undefined {
  const { method = "GET", url = "/", headers } = incoming;
  const hasBody = withBody && method !== "GET" && method !== "HEAD";
  try {
    const at = url.startsWith("/") ? `${scheme}://${headers.host ?? "localhost"}${url}` : url;
    return new Request(at, {
      method,
      headers: Object.entries(headers).flatMap(([name, value]): [string, string][] =>
        value === undefined ? [] : Array.isArray(value) ? value.map((each) => [name, each]) : [[name, value]]
      ),
      signal,
      ...(hasBody ? { body: Readable.toWeb(incoming) as ReadableStream, duplex: "half" } : {}),
    } as RequestInit);
  } catch {
    return undefined;
  }
}

async function send(response: Response, outgoing: http.ServerResponse): Promise<void> {
  outgoing.statusCode = response.status;
  for (const [name, value] of response.headers) if (name !== "set-cookie") outgoing.setHeader(name, value);
  const cookies = response.headers.getSetCookie();
  if (cookies.length > 0) outgoing.setHeader("set-cookie", cookies);
  if (response.body === null) return void outgoing.end();
  try {
    await pipeline(Readable.fromWeb(response.body as NodeStream), outgoing);
  } catch {
    outgoing.destroy(); // the client has gone, or the body failed: half of one must not look whole
  }
}
