/**
 * Listening sockets: binds the endpoints and hands each connection over. One connection's fault never reaches another.
 *
 * An endpoint that cannot be bound is reported; when none can, the start fails.
 */
import { type Clock, sleep } from "../base/clock.ts";
import type { CoreSettings } from "../config/core_types.ts";
import { type Endpoint, formatEndpoint, parseEndpoint } from "../config/endpoint.ts";
import type { Conn, Host, Listener } from "../host/types.ts";
import type { Logger } from "../log/types.ts";

export interface BindOptions {
  readonly host: Host;
  readonly log: Logger;
  readonly endpoints: readonly Endpoint[];
  readonly reusePort: boolean;
}

/** A socket that clients reach already; they wait until somebody accepts. */
export interface Bound {
  readonly endpoint: Endpoint;
  readonly listener: Listener;
}

export interface ListenOptions extends BindOptions {
  readonly clock: Clock;
  /** Sockets bound before, by `bindAll`, in the place of `endpoints`. */
  readonly bound?: readonly Bound[] | undefined;
  /** Somebody else says where we listen. */
  readonly quiet?: boolean;
  /** Owns the connection from here on; must not reject. */
  readonly handle: (conn: Conn, endpoint: Endpoint) => Promise<void>;
}

export interface Listening {
  readonly addresses: readonly Listener["addr"][];
  /** Closes the listeners; resolves when no accept is pending. Connections go on. */
  close(): Promise<void>;
}

export function listenAll(options: ListenOptions): Listening {
  const open = [...options.bound ?? bindAll(options)];
  const loops = open.map(({ endpoint, listener }) => {
    options.log.log(options.quiet ? "DEBUG" : "NOTICE", `Listening on ${describe(listener.addr)}`);
    return acceptAll(listener, endpoint, options);
  });
  return {
    addresses: open.map(({ listener }) => listener.addr),
    async close() {
      closeAll(open.splice(0));
      await Promise.all(loops);
    },
  };
}

/** Binds without accepting: for what must be done between the two. Throws when no endpoint can be bound. */
export function bindAll(options: BindOptions): Bound[] {
  const bound: Bound[] = [];
  const faults: string[] = [];
  for (const endpoint of options.endpoints) {
    try {
      bound.push({ endpoint, listener: bind(endpoint, options) });
    } catch (cause) {
      const fault = `Cannot listen on ${formatEndpoint(endpoint)}: ${cause instanceof Error ? cause.message : cause}`;
      faults.push(fault);
      options.log.error(fault);
    }
  }
  if (bound.length === 0) throw new Error(faults[0] ?? "Cannot start: there is no endpoint to listen on");
  return bound;
}

/** Those closed already are passed over. */
export function closeAll(bound: readonly Bound[]): void {
  for (const { listener } of bound) {
    try {
      listener.close();
    } catch {
      // Closed already: Deno throws BadResource.
    }
  }
}

function bind(endpoint: Endpoint, { host, reusePort }: BindOptions): Listener {
  if (endpoint.kind === "unix") {
    try {
      const there = host.statSync(endpoint.path);
      if (there.isDirectory) throw new Error("a directory stands there");
      if (!there.isFile) host.removeSync(endpoint.path); // a socket left behind
    } catch (cause) {
      if (!(cause instanceof host.errors.NotFound)) throw cause;
    }
    const listener = host.listen({ transport: "unix", path: endpoint.path });
    if (endpoint.mode !== undefined) host.chmodSync(endpoint.path, endpoint.mode);
    return listener;
  }
  const hostname = endpoint.host;
  try {
    return host.listen({ hostname, port: endpoint.port, ...(reusePort ? { reusePort } : {}) });
  } catch (cause) {
    // A machine without IPv6: the default endpoint falls back to all of IPv4.
    if (/^(::0?|\[::0?\])$/.test(hostname) && /EAFNOSUPPORT|family/i.test(String(cause))) {
      return host.listen({ hostname: "0.0.0.0", port: endpoint.port, ...(reusePort ? { reusePort } : {}) });
    }
    throw cause;
  }
}

async function acceptAll(listener: Listener, endpoint: Endpoint, { handle, log, clock }: ListenOptions): Promise<void> {
  for (;;) {
    let conn: Conn;
    try {
      conn = await listener.accept();
    } catch (cause) {
      if (isClosed(cause)) return;
      // Out of descriptors, or the peer left while still in the backlog: others shall be served.
      log.warn(`Cannot accept a connection: ${cause instanceof Error ? cause.message : cause}`);
      await sleep(clock, 50);
      continue;
    }
    void handle(conn, endpoint);
  }
}

/** Deno rejects the pending accept with BadResource (or Interrupted) when the listener is closed; the Node shim does the same. */
function isClosed(cause: unknown): boolean {
  return cause instanceof Error &&
    /BadResource|Interrupted|Listener has been closed/.test(`${cause.name} ${cause.message}`);
}

export function describe(addr: Listener["addr"]): string {
  if ("path" in addr) return addr.path;
  return addr.hostname.includes(":") ? `[${addr.hostname}]:${addr.port}` : `${addr.hostname}:${addr.port}`;
}

/** Reads an endpoint given by a program (the command line, a library's user). Throws TypeError for one of no known form. */
export function endpointOf(text: string): Endpoint {
  const endpoint = parseEndpoint(text, 25);
  if (endpoint.kind === "bad") {
    throw new TypeError(`Cannot listen on ${JSON.stringify(text)}: wanted: ${endpoint.wanted}`);
  }
  return endpoint;
}

/** Those a program gave, else the configured ones. */
export function endpointsOf(given: { readonly listen?: readonly string[] }, core: CoreSettings): readonly Endpoint[] {
  return given.listen === undefined ? core.server.value.listen : given.listen.map(endpointOf);
}
