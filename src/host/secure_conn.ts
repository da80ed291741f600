/**
 * A connection under TLS, once the handshake is done: the `SecureConn` over a `TLSSocket`.
 *
 * Whatever ends it (we, the peer's close_notify, an abrupt close, a fault) closes the connection below exactly once. `close()`
 * sends close_notify first and gives it `LINGER_MS` to leave.
 */
import type { TLSSocket } from "node:tls";
import type { ConnDuplex } from "./duplex.ts";
import { closedError, socketStreams } from "./socket_streams.ts";
import type { Bytes } from "../base/bytes.ts";
import type { Conn, PeerCertificate, SecureConn, TlsInfo } from "./types.ts";

/** How long our close_notify may take; a peer that reads nothing must not keep us. */
const LINGER_MS = 500;
/** After the peer's close_notify we may still say good-bye, not stay for ever (RFC 8446 §6.1). */
const HALF_CLOSED_MS = 10_000;

export function secureConn(socket: TLSSocket, below: ConnDuplex, conn: Conn, tls: TlsInfo): SecureConn {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let gone = false;
  const tearDown = (reason: unknown) => {
    if (gone) return;
    gone = true;
    clearTimeout(timer);
    streams.fail(reason);
    socket.destroy();
    below.duplex.destroy();
  };
  const tearDownIn = (ms: number) => {
    clearTimeout(timer);
    if (!gone) timer = setTimeout(tearDown, ms, closedError());
  };
  const streams = socketStreams(socket, {
    flow: below.gate,
    onEnd: () => tearDownIn(HALF_CLOSED_MS),
    onGone: tearDown,
  });
  below.duplex.on("close", () => {
    // Octets that came before the end are still to be read: only what can never come fails.
    if (!socket.readableEnded) tearDown(closedError());
  });

  return {
    get readable() {
      return streams.readable;
    },
    get writable() {
      return streams.writable;
    },
    read: streams.read,
    write: streams.write,
    localAddr: conn.localAddr,
    remoteAddr: conn.remoteAddr,
    tls,
    close() {
      if (gone) return;
      streams.fail(closedError());
      // Not read any more, and an end has to be seen for the socket to finish.
      below.gate(true);
      socket.resume();
      socket.end(() => tearDown(closedError()));
      tearDownIn(LINGER_MS);
    },
    closeWrite: () => new Promise((resolve) => gone || socket.writableEnded ? resolve() : socket.end(resolve)),
  };
}

/** What the handshake settled. `asked`: a certificate was asked of the peer; without that nothing is ever authorized (trap 2). */
export function tlsInfo(socket: TLSSocket, asked: boolean): TlsInfo {
  const cipher = socket.getCipher();
  const peerCertificate = asked ? peerOf(socket) : null;
  const authorized = peerCertificate !== null && socket.authorized === true;
  const servername = (socket as { servername?: string | false | null }).servername;
  return {
    protocol: socket.getProtocol() ?? "",
    cipher: { name: cipher?.name ?? "", standardName: cipher?.standardName ?? cipher?.name ?? "" },
    servername: typeof servername === "string" ? servername : "",
    authorized,
    authorizationError: !asked || authorized
      ? ""
      : isOver(socket)
      ? "CERT_HAS_EXPIRED"
      : errorName(socket.authorizationError),
    peerCertificate,
  };
}

function peerOf(socket: TLSSocket): PeerCertificate | null {
  const found = socket.getPeerCertificate();
  if (!found?.raw) return null;
  const names = (found.subjectaltname ?? "").split(", ").filter((name) => name.startsWith("DNS:"));
  return {
    commonName: first(found.subject?.CN),
    issuer: first(found.issuer?.CN) || first(found.issuer?.O),
    names: names.map((name) => name.slice(4)),
    raw: new Uint8Array(found.raw) as Bytes,
  };
}

function first(value: string | string[] | undefined): string {
  return (Array.isArray(value) ? value[0] : value) ?? "";
}

/** Deno's TLS only says that it cannot verify what has expired. */
function isOver(socket: TLSSocket): boolean {
  const until = socket.getPeerCertificate()?.valid_to;
  return until !== undefined && Date.parse(until) < Date.now();
}

function errorName(error: Error | string | null | undefined): string {
  if (!error) return "UNVERIFIED";
  return typeof error === "string" ? error : (error as { code?: string }).code ?? error.message;
}
