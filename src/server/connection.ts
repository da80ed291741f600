/** One connection's life: an optional handshake, a session over its streams, and the end of the connection whatever happened. */
import type { Bytes } from "../base/bytes.ts";
import { deadline } from "../base/deadline.ts";
import { octetsOf } from "../base/octets.ts";
import { ipInList } from "../base/ip.ts";
import type { CoreSettings } from "../config/core_types.ts";
import type { Endpoint } from "../config/endpoint.ts";
import { closeConn } from "../host/conn.ts";
import { halfOpen } from "../host/half_open.ts";
import type { Addr, Conn, Machine, SecureConn, ServerTls } from "../host/types.ts";
import type { Hooks } from "../hooks/runner.ts";
import type { Logger } from "../log/types.ts";
import type { QueueApi } from "../queue/types.ts";
import type { SessionContext, SessionSettings, SessionStreams } from "../session/context.ts";
import { endOf } from "../session/peer.ts";
import { runSession } from "../session/session.ts";
import { type ProxyHeader, readProxyHeader } from "../wire/proxy.ts";
import type { Common } from "./common.ts";

export interface ConnectionOptions {
  readonly machine: Machine;
  readonly core: CoreSettings;
  readonly hooks: Hooks;
  readonly log: Logger;
  readonly settings: () => SessionSettings;
  /** Absent while no certificate is loaded. */
  readonly tls: () => ServerTls | undefined;
  readonly queue: QueueApi;
  readonly common?: Common["ofSessions"];
  readonly signal: AbortSignal;
}

const HANDSHAKE_MS = 30_000;
/** How long a proxy may take to say whom it speaks for. */
const PROXY_MS = 30_000;

/** Serves one connection to its end; never rejects. */
export async function serveConnection(accepted: Conn, endpoint: Endpoint, options: ConnectionOptions): Promise<void> {
  const { log, core } = options;
  const conn = halfOpen(accepted);
  const secure = endpoint.kind === "tcp" && endpoint.port === core.server.value.smtpsPort;
  let current: Conn = conn;
  try {
    conn.setNoDelay?.(true);
    const requireAuthorized = endpoint.kind === "tcp" && core.tls.value.requireAuthorizedPorts.includes(endpoint.port);
    const upgrade = (tls: ServerTls, reply?: Uint8Array) =>
      tls.upgrade(conn, {
        handshakeTimeoutMs: HANDSHAKE_MS,
        signal: options.signal,
        requireAuthorized,
        ...(reply === undefined ? {} : { reply }),
      });
    const tls = options.tls();
    let first: SecureConn | undefined;
    let proxy: ProxyHeader | undefined;
    if (secure) {
      if (tls === undefined) throw new Error(`No certificate is loaded for the implicit TLS of port ${endpoint.port}`);
      // In front of the handshake there is nobody to tell what is wrong: the connection ends.
      if (isTrustedProxy(conn.remoteAddr, options)) proxy = await proxyHeaderOf(conn, options);
      first = await upgrade(tls);
      current = first;
    }
    const context: SessionContext = {
      local: conn.localAddr,
      remote: conn.remoteAddr,
      hooks: options.hooks,
      log,
      clock: options.machine.clock,
      resolver: options.machine.resolver,
      settings: options.settings(),
      isLocalAddress: (ip) => options.machine.localAddresses().includes(ip),
      enqueue: (envelope, message) => options.queue.accept(envelope, message),
      delivered: (envelope, message) => options.queue.delivered(envelope, message),
      spool: () => options.queue.spool(),
      // Closing Deno's stream would close the whole connection, and our last reply might be lost to a peer that is still sending.
      closeWrite: () => current.closeWrite(),
      signal: options.signal,
      ...options.common,
      ...(first === undefined ? {} : { tls: first.tls }),
      ...(proxy === undefined ? {} : { proxy }),
      ...(first !== undefined || tls === undefined ? {} : {
        upgrade: async (reply) => {
          const upgraded = await upgrade(tls, reply);
          current = upgraded;
          return { ...directionsOf(upgraded), tls: upgraded.tls };
        },
      }),
    };
    // Deno's own connection, not the one with streams around it.
    const { readable, writable } = directionsOf(first ?? accepted);
    await runSession(readable, writable, context);
  } catch (fault) {
    log.info(`Connection ended: ${fault instanceof Error ? fault.message : fault}`);
  } finally {
    closeConn(current);
    if (current !== conn) closeConn(conn);
  }
}

/** Its octets by calls where it has them; by streams else. */
function directionsOf(conn: Conn): SessionStreams {
  const octets = octetsOf(conn);
  return octets === undefined ? conn : { readable: octets, writable: octets };
}

function isTrustedProxy(remote: Addr, { settings }: ConnectionOptions): boolean {
  const { haproxyHosts } = settings();
  return haproxyHosts.length > 0 && ipInList(haproxyHosts, endOf(remote).ip);
}

/** Reads just the header: the octet behind it belongs to the handshake. Rejects when there is none, or not in time. */
async function proxyHeaderOf(conn: Conn, { machine, signal }: ConnectionOptions): Promise<ProxyHeader> {
  const reader = conn.readable.getReader({ mode: "byob" });
  const limit = deadline(machine.clock, PROXY_MS, "PROXY header", signal);
  // A read that nobody answers ends with the connection.
  const onLate = () => closeConn(conn);
  limit.signal.addEventListener("abort", onLate, { once: true });
  try {
    limit.signal.throwIfAborted();
    const parsed = await readProxyHeader(async (length) => {
      const { value } = await reader.read(new Uint8Array(length));
      return value === undefined || value.length === 0 ? undefined : value as Bytes;
    });
    if (parsed === undefined) throw new Error("The proxy left without a PROXY header");
    if (parsed.kind === "fault") throw new Error(`Invalid PROXY format: ${parsed.reason}`);
    return parsed.header;
  } catch (fault) {
    throw limit.signal.aborted ? limit.signal.reason : fault;
  } finally {
    limit.signal.removeEventListener("abort", onLate);
    limit.end();
    reader.releaseLock();
  }
}
