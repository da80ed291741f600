/**
 * The app: routes in the order they were registered, then the files of the docroot, then 404. A function of a request: no socket is needed
 * to try it.
 *
 * It never rejects: a handler's fault is 500 for the client and a line for the log.
 */
import type { HttpFace, RouteHandler } from "../hooks/http.ts";
import type { Host, HttpHandler, HttpPeer } from "../host/types.ts";
import type { Logger } from "../log/types.ts";
import { fileResponse } from "./files.ts";
import { notFound } from "./not_found.ts";
import { partsOf, type Pattern, pattern } from "./pattern.ts";

export interface AppOptions {
  readonly host: Host;
  readonly log: Logger;
  /** Directory of static files; need not exist. */
  readonly docroot: string;
}

export interface App {
  /** Where routes are added. */
  readonly face: HttpFace;
  readonly handle: HttpHandler;
  /** Who answers requests for a WebSocket; undefined: nobody, they are requests like others. */
  sockets: ((request: Request, peer: HttpPeer) => Response) | undefined;
}

interface Route {
  readonly match: Pattern;
  readonly handler: RouteHandler;
  /** Whether it answers GET and HEAD only. */
  readonly reads: boolean;
}

export function createApp({ host, log, docroot }: AppOptions): App {
  const routes: Route[] = [];
  const files = (dir: string): RouteHandler => (request, { rest }) =>
    isRead(request) ? fileResponse(host, dir, rest, request) : undefined;

  const find = async (request: Request, peer: HttpPeer): Promise<Response> => {
    const parts = partsOf(new URL(request.url).pathname);
    if (parts === undefined) return new Response("Bad request\n", { status: 400 });
    if (app.sockets !== undefined && request.headers.get("upgrade")?.toLowerCase() === "websocket") {
      return app.sockets(request, peer);
    }
    let onlyReads = false;
    for (const { match, handler, reads } of routes) {
      const matched = match(parts);
      if (matched === undefined) continue;
      if (reads && !isRead(request)) {
        onlyReads = true;
        continue;
      }
      const response = await handler(request, { ...matched, ip: peer.ip });
      if (response !== undefined) return response;
    }
    if (onlyReads) return new Response("Method not allowed\n", { status: 405, headers: { allow: "GET, HEAD" } });
    return await docrootFiles(request, { params: {}, rest: parts.map((part) => `/${part}`).join(""), ip: peer.ip }) ??
      notFound(host, docroot, request);
  };
  const docrootFiles = files(docroot);

  const app: App = {
    face: {
      get: (path, handler) => void routes.push({ match: pattern(path, false), handler, reads: true }),
      use: (path, handler) => void routes.push({ match: pattern(path, true), handler, reads: false }),
      static: files,
    },
    sockets: undefined,
    async handle(request, peer) {
      try {
        const response = await find(request, peer);
        return request.method === "HEAD" ? withoutBody(response) : response;
      } catch (cause) {
        const reason = cause instanceof Error ? cause.stack ?? cause.message : String(cause);
        log.error(`Cannot answer ${request.method} ${new URL(request.url).pathname}: ${reason}`);
        return new Response("Internal error\n", { status: 500 });
      }
    },
  };
  return app;
}

const isRead = ({ method }: Request) => method === "GET" || method === "HEAD";

function withoutBody(response: Response): Response {
  if (response.body === null) return response;
  void response.body.cancel();
  return new Response(null, response);
}
