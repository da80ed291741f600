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
import type { ClientHello } from "./client_hello.ts";
import { serverEndPoint } from "./end_point.ts";
import { chooseByKey, type KeyKind, kindOf } from "./key_choice.ts";
import { tlsIsOpenSsl } from "./tls_limits.ts";
import type { ServerContext, ServerContexts } from "./tls_server.ts";
import type { ServerIdentity } from "./types.ts";

/** A text and the name of the file it came from. */
export interface NamedText {
  readonly file: string;
  readonly text: string;
}

/** How handshakes with a certificate are made. */
export interface Manners {
  /** Authorities that client certificates are checked against. Keep it small: each handshake reads it anew. */
  readonly ca?: readonly NamedText[];
  /** Lists of revoked certificates. Node only: under Deno a ConfigError, because a check that is not made must not look made. */
  readonly crl?: readonly NamedText[];
  /** Ask clients for a certificate. */
  readonly requestCert?: boolean;
  /** Refuse clients without one that verifies. */
  readonly rejectUnauthorized?: boolean;
  readonly minVersion?: "TLSv1.2" | "TLSv1.3";
  readonly maxVersion?: "TLSv1.2" | "TLSv1.3";
  /** OpenSSL's notation. Deno checks it and then uses its own list. */
  readonly ciphers?: string;
  readonly honorCipherOrder?: boolean;
  readonly ecdhCurve?: string;
  /** Diffie-Hellman parameters, or "auto" for OpenSSL's own. Deno's TLS has no such key exchange. */
  readonly dhparam?: NamedText | "auto";
  readonly secureOptions?: number;
  readonly sessionIdContext?: string;
  readonly ALPNProtocols?: readonly string[];
  /** Staple OCSP responses, where `TlsFiles.staple` has them. */
  readonly requestOCSP?: boolean;
}

/** One certificate chain with its key. Both may stand in one file. */
export interface IdentityFiles {
  readonly key: NamedText;
  readonly cert: NamedText;
  /** Of the key. */
  readonly passphrase?: string;
  /** Names it serves; those of the certificate when left out. */
  readonly names?: readonly string[];
  /** Used for names nobody knows; when none is so marked, the first is. */
  readonly fallback?: boolean;
  /** Where they differ from those of all; asked with the names of the certificate. */
  readonly manners?: (names: readonly string[]) => Manners;
}

export interface TlsFiles extends Manners {
  readonly identities: readonly IdentityFiles[];
  /** OCSP responses by identity; asked at each handshake whose client wants one, where `requestOCSP` says so. */
  readonly staple?: (identity: LoadedIdentity) => Promise<Bytes | undefined>;
}

/** Why a certificate is worth a warning. */
export interface CertificateNotice {
  readonly file: string;
  readonly reason: "expired" | "not-yet-valid";
  /** The end of its validity, or the beginning. */
  readonly date: Date;
}

export interface LoadedIdentity extends ServerIdentity, ServerContext {
  readonly kind: KeyKind;
  readonly fallback: boolean;
  /** The first of the chain, and its issuer where the chain goes on. */
  readonly leaf: X509Certificate;
  readonly issuer: X509Certificate | undefined;
}

export class Certificates implements ServerContexts {
  #identities: readonly LoadedIdentity[] = [];
  readonly #notice: (notice: CertificateNotice) => void;
  readonly #now: () => number;

  /** Throws ConfigError. */
  constructor(files: TlsFiles, now: () => number, notice: (notice: CertificateNotice) => void) {
    this.#now = now;
    this.#notice = notice;
    this.reload(files);
  }

  /** Later handshakes use these. Throws ConfigError and keeps what it has when they are no good. */
  reload(files: TlsFiles): void {
    if (files.identities.length === 0) {
      throw new ConfigError({ file: "tls.ini", setting: "[main] cert", wanted: "a certificate" });
    }
    this.#identities = files.identities.map((identity) => loadIdentity(identity, files, this.#now(), this.#notice));
  }

  get identities(): readonly LoadedIdentity[] {
    return this.#identities;
  }

  choose(hello: ClientHello | undefined): LoadedIdentity {
    return chooseByKey(this.#candidates(hello?.servername ?? ""), hello);
  }

  /** The first for that name. */
  identityFor(servername: string): LoadedIdentity {
    return this.#candidates(servername)[0]!;
  }

  /** Those of the exact name, else of `*.parent`, else what is for names nobody knows (RFC 6125 §6.4.3: a wildcard stands for one label). */
  #candidates(servername: string): readonly LoadedIdentity[] {
    if (servername !== "") {
      const name = servername.toLowerCase();
      const dot = name.indexOf(".");
      for (const wanted of dot < 0 ? [name] : [name, `*${name.slice(dot)}`]) {
        const found = this.#identities.filter((identity) => identity.names.includes(wanted));
        if (found.length > 0) return found;
      }
    }
    const fallbacks = this.#identities.filter(({ fallback }) => fallback);
    return fallbacks.length > 0 ? fallbacks : this.#identities.slice(0, 1);
  }
}

/** Throws ConfigError for what TLS could not be made with. */
export function loadIdentity(
  files: IdentityFiles,
  all: TlsFiles,
  now: number,
  notice: (notice: CertificateNotice) => void,
): LoadedIdentity {
  const key = readKey(files.key, files.passphrase);
  const leaf = readCertificate(files.cert);
  if (!leaf.checkPrivateKey(key)) {
    const wanted = `the key of the certificate in ${files.cert.file}`;
    throw new ConfigError({ file: files.key.file, current: "the key of another certificate", wanted });
  }
  const from = new Date(leaf.validFrom);
  const to = new Date(leaf.validTo);
  if (to.getTime() < now) notice({ file: files.cert.file, reason: "expired", date: to });
  else if (from.getTime() > now) notice({ file: files.cert.file, reason: "not-yet-valid", date: from });

  const names = files.names?.map(lower) ?? namesOf(leaf);
  const manners: Manners = { ...all, ...files.manners?.(names) };
  for (const authority of manners.ca ?? []) readCertificate(authority);
  const options = {
    // Deno reads PKCS#8 only; this is what Node made of whatever the operator has.
    key: key.export({ type: "pkcs8", format: "pem" }) as string,
    cert: files.cert.text.match(CERTIFICATES)?.join("\n") ?? files.cert.text,
    ...contextOptions(manners),
  };
  const identity: LoadedIdentity = {
    names,
    options,
    leaf,
    issuer: issuerOf(leaf, files.cert.text, manners.ca ?? []),
    kind: kindOf(key),
    fallback: files.fallback ?? false,
    requestCert: manners.requestCert ?? false,
    rejectUnauthorized: manners.rejectUnauthorized ?? false,
    endPoint: serverEndPoint(leaf.raw),
    ...(all.staple === undefined || !manners.requestOCSP || !tlsIsOpenSsl
      ? {}
      : { staple: () => all.staple!(identity) }),
  };
  try {
    tls.createSecureContext(options);
  } catch (cause) {
    const wanted = "certificates, key, ciphers and curves that TLS can use";
    throw new ConfigError({ file: files.cert.file, current: messageOf(cause), wanted }, { cause });
  }
  return identity;
}

function contextOptions(manners: Manners): ServerContext["options"] {
  const { ca = [], crl = [], dhparam, ALPNProtocols = [] } = manners;
  if (crl.length > 0 && !tlsIsOpenSsl) {
    const wanted = "no list of revoked certificates: Deno's TLS does not look at it (Node's does)";
    throw new ConfigError({ file: crl[0]!.file, setting: "crl", wanted });
  }
  return {
    ...(ca.length === 0 ? {} : { ca: ca.map(({ text }) => text) }),
    ...(crl.length === 0 ? {} : { crl: crl.map(({ text }) => text) }),
    minVersion: manners.minVersion ?? "TLSv1.2",
    ...(manners.maxVersion === undefined ? {} : { maxVersion: manners.maxVersion }),
    ...(manners.ciphers === undefined ? {} : { ciphers: manners.ciphers }),
    ...(manners.honorCipherOrder === undefined ? {} : { honorCipherOrder: manners.honorCipherOrder }),
    ...(manners.ecdhCurve === undefined ? {} : { ecdhCurve: manners.ecdhCurve }),
    // Deno's TLS has no such key exchange.
    ...(dhparam === undefined || !tlsIsOpenSsl ? {} : { dhparam: dhparam === "auto" ? dhparam : dhparam.text }),
    ...(manners.secureOptions === undefined ? {} : { secureOptions: manners.secureOptions }),
    ...(manners.sessionIdContext === undefined ? {} : { sessionIdContext: manners.sessionIdContext }),
    ...(ALPNProtocols.length === 0 ? {} : { ALPNProtocols: [...ALPNProtocols] }),
  };
}

/** Who signed it: the next of the chain, else one of the authorities. */
function issuerOf(leaf: X509Certificate, chain: string, ca: readonly NamedText[]): X509Certificate | undefined {
  const texts = [chain, ...ca.map(({ text }) => text)].flatMap((text) => text.match(CERTIFICATES) ?? []);
  for (const text of texts.slice(1)) {
    try {
      const issuer = new X509Certificate(text);
      if (leaf.checkIssued(issuer)) return issuer;
    } catch { /* TLS sends it as it is; it is just no issuer that we could ask about */ }
  }
  return undefined;
}

const PRIVATE_KEY = /-----BEGIN ([A-Z ]*)PRIVATE KEY-----[\s\S]+?-----END \1PRIVATE KEY-----/;
const CERTIFICATES = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

function readKey(from: NamedText, passphrase?: string): KeyObject {
  try {
    // Deno reads nothing in front of it: a certificate in the same file, or `openssl`'s words about it.
    const text = PRIVATE_KEY.exec(from.text)?.[0] ?? from.text;
    return createPrivateKey(passphrase === undefined ? text : { key: text, passphrase });
  } catch (cause) {
    const wanted = "a private key in PEM form, and its passphrase if it has one";
    throw new ConfigError({ file: from.file, current: messageOf(cause), wanted }, { cause });
  }
}

function readCertificate(from: NamedText): X509Certificate {
  try {
    return new X509Certificate(firstIn(from.text));
  } catch (cause) {
    throw new ConfigError({ file: from.file, current: messageOf(cause), wanted: "a certificate in PEM form" }, {
      cause,
    });
  }
}

/** The DNS names of the certificate, with its common name: clients of old ask for that. */
function namesOf(leaf: X509Certificate): string[] {
  const names = (leaf.subjectAltName ?? "").split(", ").filter((name) => name.startsWith("DNS:")).map((name) =>
    name.slice(4)
  );
  const common = /^CN=(.+)$/m.exec(leaf.subject)?.[1];
  return [...new Set((common === undefined ? names : [common, ...names]).map(lower))];
}

/** Deno's X509Certificate reads nothing in front of it either. */
const firstIn = (text: string): string => text.match(CERTIFICATES)?.[0] ?? text;

/** Names and end (milliseconds since 1970) of the first certificate of a PEM text; undefined when it has none that can be read. */
export function certificateIn(
  text: string,
): { readonly names: readonly string[]; readonly endsAt: number } | undefined {
  try {
    const leaf = new X509Certificate(firstIn(text));
    return { names: namesOf(leaf), endsAt: new Date(leaf.validTo).getTime() };
  } catch {
    return undefined;
  }
}

const lower = (name: string): string => name.toLowerCase();

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
