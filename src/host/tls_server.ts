/**
 * The server's side of TLS: a plain connection becomes a secure one by `node:tls` over its streams.
 *
 * The reply to STARTTLS is written here and the machinery attached in the same tick, so that no octet of the ClientHello is lost.
 * The ClientHello is read first, by us: certificate, versions and manners are those of the name it asks for.
 * Rejects with the reason, and has closed the connection, when the handshake fails, is late or is aborted.
 */
import { Buffer } from "node:buffer";
import tls from "node:tls";
import type { Duplex } from "node:stream";
import type { Bytes } from "../base/bytes.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import { deadline } from "../base/deadline.ts";
import { type ClientHello, readClientHello } from "./client_hello.ts";
import { closeConn } from "./conn.ts";
import { type ConnDuplex, connDuplex } from "./duplex.ts";
import { secureConn, tlsInfo } from "./secure_conn.ts";
import type { Conn, SecureConn, ServerTls, ServerUpgrade } from "./types.ts";

/** What one handshake is made with. */
export interface ServerContext {
  /** Key, certificate, versions, ciphers: what the runtime's TLS takes. */
  readonly options: tls.SecureContextOptions & { readonly ALPNProtocols?: string[] };
  /** Ask the client for a certificate. */
  readonly requestCert: boolean;
  /** Refuse a client whose certificate is missing or does not verify. */
  readonly rejectUnauthorized: boolean;
  /** The channel binding of the certificate (RFC 5929 §4), where there is one. */
  readonly endPoint: Bytes | undefined;
  /** A fresh OCSP response for the certificate (RFC 6066 §8), DER; undefined when there is none. Must not reject. */
  readonly staple?: () => Promise<Bytes | undefined>;
}

/** Chooses by what the client says first; `certificates.ts` does. */
export interface ServerContexts {
  /** undefined: what came is no ClientHello, or one that is not understood. */
  choose(hello: ClientHello | undefined): ServerContext;
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
    const hello = await helloOf(below, conn, limit.signal);
    const context = contexts.choose(hello);
    const { requestCert, rejectUnauthorized, staple, endPoint } = context;
    const must = options.requireAuthorized === true;
    const asked = requestCert || must;
    // A server of its own for each handshake: the one public way to know which socket the outcome belongs to.
    const server = tls.createServer({
      ...context.options,
      requestCert: asked,
      rejectUnauthorized: must || (asked && rejectUnauthorized),
      allowHalfOpen: true,
    } as tls.TlsOptions);
    if (staple !== undefined) {
      server.on("OCSPRequest", (_certificate, _issuer, done: (error: null, response: Buffer | null) => void) => {
        staple().then((response) => done(null, response === undefined ? null : Buffer.from(response)));
      });
    }
    const socket = await handshake(server, below.duplex, limit.signal);
    const info = { ...tlsInfo(socket, asked), servername: hello?.servername ?? "" };
    return secureConn(socket, below, conn, endPoint === undefined ? info : { ...info, serverEndPoint: endPoint });
  } catch (reason) {
    closeConn(conn);
    throw reason;
  } finally {
    limit.end();
  }
}

/** What the client says first, which TLS gets to read too. Rejects when the time is up or the connection breaks. */
async function helloOf(below: ConnDuplex, conn: Conn, signal: AbortSignal): Promise<ClientHello | undefined> {
  // A read that nobody answers ends with the connection.
  const onAbort = () => closeConn(conn);
  signal.addEventListener("abort", onAbort, { once: true });
  let hello: ClientHello | number | undefined = 0;
  let wanted = 0;
  try {
    await below.peek((octets) => {
      if (octets.length < wanted) return false;
      hello = readClientHello(octets);
      if (typeof hello === "number") wanted = octets.length + hello;
      return typeof hello !== "number";
    });
  } catch (reason) {
    throw signal.aborted ? signal.reason : reason;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
  signal.throwIfAborted();
  if (typeof hello === "number") throw new Error("TLS: the peer left during the handshake");
  return hello;
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
