/**
 * Certificates and keys of the server: checked when they are loaded, chosen by the name a client asks for, swapped while running.
 *
 * A key that cannot be read, or does not belong to its certificate, is a `ConfigError` that names the file: the runtimes would tell
 * with the first client, or not at all (runtime.md §A). A certificate out of its time is reported and used: most clients do not look.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import tls from "node:tls";
import type { Bytes } from "../base/bytes.ts";
import { ConfigError } from "../base/config_error.ts";
import { serverEndPoint } from "./end_point.ts";
import type { ServerContexts } from "./tls_server.ts";
import type { ServerIdentity } from "./types.ts";

/** A text and the name of the file it came from. */
export interface NamedText {
  readonly file: string;
  readonly text: string;
}

/** One certificate chain with its key. Both may stand in one file. */
export interface IdentityFiles {
  readonly key: NamedText;
  readonly cert: NamedText;
  /** Names it serves; those of the certificate when left out. */
  readonly names?: readonly string[];
}

export interface TlsFiles {
  /** The first is used for names nobody knows and for clients that ask for none. */
  readonly identities: readonly IdentityFiles[];
  /** Authorities that client certificates are checked against. Keep it small: each handshake reads it anew. */
  readonly ca?: readonly NamedText[];
  /** Ask clients for a certificate. */
  readonly requestCert?: boolean;
  /** Refuse clients without one that verifies. */
  readonly rejectUnauthorized?: boolean;
  readonly minVersion?: "TLSv1.2" | "TLSv1.3";
  /** OpenSSL's notation. Deno checks it and then uses its own list. */
  readonly ciphers?: string;
  readonly honorCipherOrder?: boolean;
  readonly ecdhCurve?: string;
}

/** Why a certificate is worth a warning. */
export interface CertificateNotice {
  readonly file: string;
  readonly reason: "expired" | "not-yet-valid";
  /** The end of its validity, or the beginning. */
  readonly date: Date;
}

interface Loaded extends ServerIdentity {
  readonly context: tls.SecureContext;
  readonly options: tls.SecureContextOptions;
  /** What clients may be bound to (`end_point.ts`). */
  readonly endPoint: Bytes | undefined;
}

export class Certificates implements ServerContexts {
  #identities: readonly Loaded[] = [];
  #files: TlsFiles;
  readonly #notice: (notice: CertificateNotice) => void;
  readonly #now: () => number;

  /** Throws ConfigError. */
  constructor(files: TlsFiles, now: () => number, notice: (notice: CertificateNotice) => void) {
    this.#now = now;
    this.#notice = notice;
    this.#files = files;
    this.reload(files);
  }

  /** Later handshakes use these. Throws ConfigError and keeps what it has when they are no good. */
  reload(files: TlsFiles): void {
    if (files.identities.length === 0) {
      throw new ConfigError({ file: "tls.ini", setting: "[main] cert", wanted: "a certificate" });
    }
    this.#identities = files.identities.map((identity) => load(identity, files, this.#now(), this.#notice));
    this.#files = files;
  }

  get identities(): readonly ServerIdentity[] {
    return this.#identities;
  }

  get requestCert(): boolean {
    return this.#files.requestCert ?? false;
  }

  get rejectUnauthorized(): boolean {
    return this.#files.rejectUnauthorized ?? false;
  }

  get defaults(): tls.SecureContextOptions {
    return this.#identities[0]!.options;
  }

  contextFor(servername: string): tls.SecureContext {
    return this.identityFor(servername).context;
  }

  endPointFor(servername: string): Bytes | undefined {
    return this.identityFor(servername).endPoint;
  }

  /** An exact name, else `*.parent`, else the first (RFC 6125 §6.4.3: a wildcard stands for one label). */
  identityFor(servername: string): Loaded {
    const name = servername.toLowerCase();
    const wild = `*${name.slice(Math.max(0, name.indexOf(".")))}`;
    const by = (wanted: string) => this.#identities.find((identity) => identity.names.includes(wanted));
    return by(name) ?? by(wild) ?? this.#identities[0]!;
  }
}

function load(
  files: IdentityFiles,
  all: TlsFiles,
  now: number,
  notice: (notice: CertificateNotice) => void,
): Loaded {
  const key = readKey(files.key);
  const leaf = readCertificate(files.cert);
  if (!leaf.checkPrivateKey(key)) {
    const wanted = `the key of the certificate in ${files.cert.file}`;
    throw new ConfigError({ file: files.key.file, current: "the key of another certificate", wanted });
  }
  for (const authority of all.ca ?? []) readCertificate(authority);
  const from = new Date(leaf.validFrom);
  const to = new Date(leaf.validTo);
  if (to.getTime() < now) notice({ file: files.cert.file, reason: "expired", date: to });
  else if (from.getTime() > now) notice({ file: files.cert.file, reason: "not-yet-valid", date: from });

  const options: tls.SecureContextOptions = {
    // Deno reads PKCS#8 only; this is what Node made of whatever the operator has.
    key: key.export({ type: "pkcs8", format: "pem" }) as string,
    cert: files.cert.text,
    ...(all.ca === undefined || all.ca.length === 0 ? {} : { ca: all.ca.map((each) => each.text) }),
    minVersion: all.minVersion ?? "TLSv1.2",
    ...(all.ciphers === undefined ? {} : { ciphers: all.ciphers }),
    ...(all.honorCipherOrder === undefined ? {} : { honorCipherOrder: all.honorCipherOrder }),
    ...(all.ecdhCurve === undefined ? {} : { ecdhCurve: all.ecdhCurve }),
  };
  try {
    const names = (files.names ?? namesOf(leaf)).map(lower);
    return { names, options, context: tls.createSecureContext(options), endPoint: serverEndPoint(leaf.raw) };
  } catch (cause) {
    const wanted = "certificates, key, ciphers and curves that TLS can use";
    throw new ConfigError({ file: files.cert.file, current: messageOf(cause), wanted }, { cause });
  }
}

function readKey(from: NamedText): KeyObject {
  try {
    return createPrivateKey(from.text);
  } catch (cause) {
    const wanted = "a private key in PEM form without a passphrase";
    throw new ConfigError({ file: from.file, current: messageOf(cause), wanted }, { cause });
  }
}

function readCertificate(from: NamedText): X509Certificate {
  try {
    return new X509Certificate(from.text);
  } catch (cause) {
    throw new ConfigError({ file: from.file, current: messageOf(cause), wanted: "a certificate in PEM form" }, {
      cause,
    });
  }
}

/** DNS names of the certificate; its common name when it has none. */
function namesOf(leaf: X509Certificate): string[] {
  const names = (leaf.subjectAltName ?? "").split(", ").filter((name) => name.startsWith("DNS:")).map((name) =>
    name.slice(4)
  );
  const common = /^CN=(.+)$/m.exec(leaf.subject)?.[1];
  return names.length > 0 || common === undefined ? names : [common];
}

const lower = (name: string): string => name.toLowerCase();

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
