/**
 * The client's side of TLS: `Machine.secureClient`, by `node:tls` over the connection's streams on both runtimes.
 *
 * `required` rejects unless chain and name verify, before anything is written; `opportunistic` takes any certificate and tells in
 * `tls.authorized`. Rejects with the reason, and has closed the connection, when the handshake fails, is late or is aborted.
 */
import tls from "node:tls";
import { type Clock, systemClock } from "../base/clock.ts";
import { deadline } from "../base/deadline.ts";
import { isIpLiteral } from "../base/ip.ts";
import { closeConn } from "./conn.ts";
import { type ConnDuplex, connDuplex } from "./duplex.ts";
import { secureConn, tlsInfo } from "./secure_conn.ts";
import type { ClientUpgrade, Conn, SecureConn } from "./types.ts";

export async function secureClient(
  conn: Conn,
  options: ClientUpgrade,
  clock: Clock = systemClock,
): Promise<SecureConn> {
  const limit = deadline(clock, options.handshakeTimeoutMs, "TLS handshake", options.signal);
  try {
    limit.signal.throwIfAborted();
    const below = connDuplex(conn);
    const socket = await handshake(below, options, limit.signal);
    const found = tlsInfo(socket, true);
    if (options.verify === "required" && !found.authorized) {
      socket.on("error", () => {});
      socket.destroy();
      below.duplex.destroy();
      throw unverified(found.authorizationError);
    }
    return secureConn(socket, below, conn, found);
  } catch (reason) {
    closeConn(conn);
    throw reason;
  } finally {
    limit.end();
  }
}

/** `code` is what OpenSSL calls it; Deno says of an expired certificate too that it cannot be verified. */
function unverified(code: string): Error {
  return Object.assign(new Error(`TLS: the certificate is not good: ${code}`), { code });
}

const AFTER_END_MS = 50;

function handshake(below: ConnDuplex, options: ClientUpgrade, signal: AbortSignal): Promise<tls.TLSSocket> {
  return new Promise((resolve, reject) => {
    // RFC 6066 §3: an IP literal is not a server_name; both runtimes or one of them throw at it.
    const named = options.servername !== "" && !isIpLiteral(options.servername);
    const socket = tls.connect({
      socket: below.duplex,
      // `host` is what a certificate is checked against when no name is sent.
      host: options.servername,
      ...(named ? { servername: options.servername } : {}),
      // We look ourselves: Node closes the connection, and the close may be heard before the reason.
      rejectUnauthorized: false,
      ...(options.key === undefined ? {} : { key: options.key }),
      ...(options.cert === undefined ? {} : { cert: options.cert }),
      ...(options.ca === undefined ? {} : { ca: [...options.ca] }),
      ...(options.ciphers === undefined ? {} : { ciphers: options.ciphers }),
      minVersion: options.minVersion ?? "TLSv1.2",
      allowHalfOpen: true,
    } as tls.ConnectionOptions);
    let left: ReturnType<typeof setTimeout> | undefined;
    const settle = () => {
      clearTimeout(left);
      signal.removeEventListener("abort", onAbort);
      below.duplex.off("close", onClose);
      below.duplex.off("end", onEnd);
      socket.off("error", fail);
      socket.off("close", onClose);
    };
    const fail = (reason: unknown) => {
      settle();
      socket.on("error", () => {});
      socket.destroy();
      below.duplex.destroy();
      reject(reason);
    };
    const onAbort = () => fail(signal.reason);
    const onEnd = () => left = setTimeout(onClose, AFTER_END_MS);
    const onClose = () => fail(new Error("TLS: the peer left during the handshake"));
    signal.addEventListener("abort", onAbort, { once: true });
    below.duplex.once("close", onClose);
    // Deno's TLS waits on after the peer's end. What came with the end may still finish the handshake, a turn or two later.
    below.duplex.once("end", onEnd);
    socket.once("error", fail);
    socket.once("close", onClose);
    socket.once("secureConnect", () => {
      settle();
      resolve(socket);
    });
  });
}
