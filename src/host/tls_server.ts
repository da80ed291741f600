/**
 * The server's side of TLS: a plain connection becomes a secure one by `node:tls` over its streams.
 *
 * The reply to STARTTLS is written here and the machinery attached in the same tick, so that no octet of the ClientHello is lost.
 * Rejects with the reason, and has closed the connection, when the handshake fails, is late or is aborted.
 */
import tls from "node:tls";
import type { Duplex } from "node:stream";
import type { Bytes } from "../base/bytes.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import { deadline } from "../base/deadline.ts";
import { closeConn } from "./conn.ts";
import { connDuplex } from "./duplex.ts";
import { secureConn, tlsInfo } from "./secure_conn.ts";
import type { Conn, SecureConn, ServerTls, ServerUpgrade } from "./types.ts";

/** What a handshake is made with; `certificates.ts` has them. */
export interface ServerContexts {
  /** For the name a client asks for; "" when it asks for none. */
  contextFor(servername: string): tls.SecureContext;
  /** The channel binding of the certificate in that context (RFC 5929 §4), where there is one. */
  endPointFor(servername: string): Bytes | undefined;
  /** Options of the default context; Node uses them for clients that ask for no name. */
  readonly defaults: tls.SecureContextOptions;
  /** Ask clients for a certificate. */
  readonly requestCert: boolean;
  /** Refuse clients whose certificate is missing or does not verify. */
  readonly rejectUnauthorized: boolean;
}

export function serverTls(contexts: ServerContexts, clock: Clock = systemClock): ServerTls {
  return { upgrade: (conn, options) => upgrade(contexts, clock, conn, options) };
}

const AFTER_END_MS = 50;

async function upgrade(
  contexts: ServerContexts,
  clock: Clock,
  conn: Conn,
  options: ServerUpgrade,
): Promise<SecureConn> {
  const limit = deadline(clock, options.handshakeTimeoutMs, "TLS handshake", options.signal);
  try {
    limit.signal.throwIfAborted();
    const below = connDuplex(conn, options.reply);
    const must = options.requireAuthorized === true;
    const asked = contexts.requestCert || must;
    // A server of its own for each handshake: the one public way to know which socket the outcome belongs to.
    // Deno's `getCertificate` gives the default one, whatever was served: what was chosen is remembered here.
    let endPoint = contexts.endPointFor("");
    const server = tls.createServer({
      ...contexts.defaults,
      SNICallback: (name, done) => {
        endPoint = contexts.endPointFor(name.toLowerCase());
        done(null, contexts.contextFor(name.toLowerCase()));
      },
      requestCert: asked,
      rejectUnauthorized: must || (asked && contexts.rejectUnauthorized),
      allowHalfOpen: true,
    } as tls.TlsOptions);
    const socket = await handshake(server, below.duplex, limit.signal);
    const info = tlsInfo(socket, asked);
    return secureConn(socket, below, conn, endPoint === undefined ? info : { ...info, serverEndPoint: endPoint });
  } catch (reason) {
    closeConn(conn);
    throw reason;
  } finally {
    limit.end();
  }
}

function handshake(server: tls.Server, duplex: Duplex, signal: AbortSignal): Promise<tls.TLSSocket> {
  return new Promise((resolve, reject) => {
    let left: ReturnType<typeof setTimeout> | undefined;
    const fail = (reason: unknown) => {
      clearTimeout(left);
      duplex.off("end", onEnd);
      signal.removeEventListener("abort", onAbort);
      duplex.destroy();
      reject(reason);
    };
    const onAbort = () => fail(signal.reason);
    const onEnd = () => left = setTimeout(onClose, AFTER_END_MS);
    const onClose = () => fail(new Error("TLS: the peer left during the handshake"));
    signal.addEventListener("abort", onAbort, { once: true });
    duplex.once("close", onClose);
    // Deno's TLS waits on after the peer's end. What came with the end may still finish the handshake, a turn or two later.
    duplex.once("end", onEnd);
    server.on("tlsClientError", fail);
    server.on("secureConnection", (socket: tls.TLSSocket) => {
      clearTimeout(left);
      signal.removeEventListener("abort", onAbort);
      duplex.off("close", onClose);
      duplex.off("end", onEnd);
      resolve(socket);
    });
    server.emit("connection", duplex);
  });
}
