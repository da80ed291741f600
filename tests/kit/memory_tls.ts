/**
 * TLS in memory: the shape of a handshake without the mathematics.
 *
 * The client says one line, the server answers with one; what comes after runs through the same streams. It fails where the real
 * thing fails: on octets that are no handshake, on silence, on a lock somebody still holds, on a certificate that does not verify.
 */
import { type Bytes, EMPTY, latin1Decode, latin1Encode } from "../../src/base/bytes.ts";
import { type Clock, sleep } from "../../src/base/clock.ts";
import type { ClientUpgrade, Conn, SecureConn, ServerTls, ServerUpgrade, TlsInfo } from "../../src/host/types.ts";

export interface MemoryTlsOptions {
  /** Names the certificate holds; `*` is any. Default `*`. */
  readonly names?: readonly string[];
  /** Whether clients that verify find the chain good. Default true. */
  readonly trusted?: boolean;
  /** Ask clients for a certificate; any that is given is good. Default false. */
  readonly requestCert?: boolean;
}

const CIPHER = { name: "TLS_AES_256_GCM_SHA384", standardName: "TLS_AES_256_GCM_SHA384" };
const HELLO = /^MEMORY-TLS hello (\S+) (\S+)$/;
const READY = /^MEMORY-TLS ready (\S+) (\S+)$/;

export function memoryServerTls(clock: Clock, options: MemoryTlsOptions = {}): ServerTls {
  return {
    upgrade: (conn, upgrade) =>
      shake(conn, clock, upgrade, async () => {
        if (upgrade.reply !== undefined) await send(conn, upgrade.reply);
        const hello = HELLO.exec(await readLine(conn));
        if (hello === null) throw new Error("TLS: not a handshake");
        const given = options.requestCert === true && hello[2] !== "-" ? hello[2]! : "";
        if (upgrade.requireAuthorized && given === "") throw new Error("TLS: client certificate required");
        await send(
          conn,
          latin1Encode(`MEMORY-TLS ready ${options.trusted ?? true} ${(options.names ?? ["*"]).join(",")}\n`),
        );
        return secured(conn, { servername: hello[1] === "-" ? "" : hello[1]!, authorized: given !== "", given });
      }),
  };
}

export function memorySecureClient(clock: Clock, conn: Conn, options: ClientUpgrade): Promise<SecureConn> {
  return shake(conn, clock, options, async () => {
    const literal = /^[\d.]+$|:/.test(options.servername);
    const servername = literal || options.servername === "" ? "-" : options.servername;
    await send(conn, latin1Encode(`MEMORY-TLS hello ${servername} ${options.cert === undefined ? "-" : "client"}\n`));
    const ready = READY.exec(await readLine(conn));
    if (ready === null) throw new Error("TLS: not a handshake");
    const named = ready[2]!.split(",").some((name) => name === "*" || name === options.servername);
    const error = ready[1] !== "true" ? "SELF_SIGNED_CERT_IN_CHAIN" : named ? "" : "ERR_TLS_CERT_ALTNAME_INVALID";
    if (options.verify === "required" && error !== "") throw Object.assign(new Error(`TLS: ${error}`), { code: error });
    return secured(conn, { servername: "", authorized: error === "", given: ready[2]!, error });
  });
}

function secured(
  conn: Conn,
  found: { servername: string; authorized: boolean; given: string; error?: string },
): SecureConn {
  const tls: TlsInfo = {
    protocol: "TLSv1.3",
    cipher: CIPHER,
    servername: found.servername,
    authorized: found.authorized,
    authorizationError: found.error ?? "",
    peerCertificate: found.given === ""
      ? null
      : { commonName: found.given, issuer: "Memory CA", names: found.given.split(","), raw: EMPTY },
  };
  return {
    readable: conn.readable,
    writable: conn.writable,
    localAddr: conn.localAddr,
    remoteAddr: conn.remoteAddr,
    close: () => conn.close(),
    closeWrite: () => conn.closeWrite(),
    tls,
  };
}

/** Bounds a handshake by time and signal, and closes the connection when it fails. */
async function shake(
  conn: Conn,
  clock: Clock,
  options: ServerUpgrade | ClientUpgrade,
  handshake: () => Promise<SecureConn>,
): Promise<SecureConn> {
  const done = new AbortController();
  const signal = options.signal === undefined ? done.signal : AbortSignal.any([done.signal, options.signal]);
  const late = sleep(clock, options.handshakeTimeoutMs, signal).then(() => {
    throw new Error("TLS handshake timeout");
  });
  try {
    return await Promise.race([handshake(), late]);
  } catch (reason) {
    try {
      conn.close();
    } catch {
      // It was closed already.
    }
    throw reason;
  } finally {
    late.catch(() => {});
    done.abort();
  }
}

async function send(conn: Conn, bytes: Uint8Array): Promise<void> {
  const writer = conn.writable.getWriter();
  try {
    await writer.write(bytes);
  } finally {
    writer.releaseLock();
  }
}

/** Octet by octet, so that nothing behind the line is taken. */
async function readLine(conn: Conn): Promise<string> {
  const reader = conn.readable.getReader({ mode: "byob" });
  const line: number[] = [];
  try {
    while (line.length < 512) {
      const { value, done } = await reader.read(new Uint8Array(1));
      if (done || value === undefined) throw new Error("TLS: the peer left during the handshake");
      if (value[0] === 0x0a) return latin1Decode(new Uint8Array(line) as Bytes);
      line.push(value[0]!);
    }
    throw new Error("TLS: not a handshake");
  } finally {
    reader.releaseLock();
  }
}
