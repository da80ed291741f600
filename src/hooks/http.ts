/**
 * The HTTP server as plugins see it: `server.http` at `init_http`, `server.wss` beside it at `init_wss` (docs/http.md).
 *
 * Requests and responses are those of the web platform. A handler that throws gives a bland 500 to the client and its reason to the log.
 */
import type { ServerFace } from "./plugin.ts";

/** What a handler is told beside the request. */
export interface RouteContext {
  /** Values of the `:name` parts of the path, decoded. */
  readonly params: { readonly [name: string]: string };
  /** What the path has behind the one it was registered for, decoded: `/app.js`; "/" and "" differ as `/watch/` and `/watch` do. */
  readonly rest: string;
  /** The peer's IP address; "" on a Unix socket. */
  readonly ip: string;
}

/** undefined: not mine, the next one may have it. */
export type RouteHandler = (
  request: Request,
  context: RouteContext,
) => Response | undefined | Promise<Response | undefined>;

export interface HttpFace {
  /** Answers GET and HEAD at exactly this path. `/logs/:id` takes any one part in the place of `:id`. Throws TypeError for a bad path. */
  get(path: string, handler: RouteHandler): void;
  /** Hears every method at this path and below. Those registered first are asked first. Throws TypeError for a bad path. */
  use(path: string, handler: RouteHandler): void;
  /** Serves the files of a directory, for `use`. Hidden files, and links that lead out of it, are not served. */
  static(dir: string): RouteHandler;
}

export interface WebSocketsFace {
  /** Sends to everyone who is connected and says to how many. A client that does not keep up is disconnected. */
  broadcast(data: string | Uint8Array<ArrayBuffer>): number;
  /** Called with each new connection once it is open. Binary messages come as ArrayBuffer. */
  onConnection(listener: (socket: WebSocket, request: Request) => void): void;
}

export interface HttpServerFace extends ServerFace {
  readonly http: HttpFace;
}
export interface WebSocketServerFace extends HttpServerFace {
  readonly wss: WebSocketsFace;
}
