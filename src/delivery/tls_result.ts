/**
 * Why TLS failed, by the names of RFC 8460 §4.3: what a log line carries, and a TLS report will.
 *
 * Told from the codes and words of both runtimes; what cannot be told is `validation-failure`, with the runtime's own words beside it.
 */
import type { Fact } from "./finding.ts";

export type TlsResult =
  | "starttls-not-supported"
  | "certificate-expired"
  | "certificate-host-mismatch"
  | "certificate-not-trusted"
  | "validation-failure";

/** By code (Node, OpenSSL) or text (Deno, rustls), the first that fits. */
const WORDS: readonly (readonly [RegExp, TlsResult])[] = [
  [/CERT_HAS_EXPIRED|certificate (has )?expired|: Expired/i, "certificate-expired"],
  [/ALTNAME|HOSTNAME_MISMATCH|not valid for name|NotValidForName|does not match/i, "certificate-host-mismatch"],
  [
    /SELF[_ -]SIGNED|UNABLE_TO_(GET|VERIFY|DECODE)|CERT_(UNTRUSTED|REJECTED|REVOKED|SIGNATURE_FAILURE|CHAIN_TOO_LONG)|INVALID_CA|UnknownIssuer|unable to (get|verify)|CaUsedAsEndEntity|BadSignature/i,
    "certificate-not-trusted",
  ],
];

/** Of a handshake that failed. */
export function handshakeResult(error: unknown): TlsResult {
  const { code = "", message = "" } = error instanceof Error ? error as Error & { code?: string } : {};
  const words = `${code} ${message}`;
  return WORDS.find(([pattern]) => pattern.test(words))?.[1] ?? "validation-failure";
}

/** Undefined where TLS had no part in it. */
export function tlsResultOf({ stage, finding }: Fact): TlsResult | undefined {
  switch (finding.kind) {
    case "tls-missing":
      return "starttls-not-supported";
    case "tls-broken":
    case "tls-unverified":
      return finding.result;
    case "reply":
      return stage === "starttls" ? "starttls-not-supported" : undefined;
    default:
      return stage === "starttls" || stage === "tls" ? "validation-failure" : undefined;
  }
}
