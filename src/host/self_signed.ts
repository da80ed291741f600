/**
 * A certificate of our own making, for the first start: P-256, because it halves the cost of a handshake (runtime.md §A).
 *
 * It proves nothing to those who verify, but encrypts for the many who do not.
 */
// The package wants this polyfill loaded before it.
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { isIpLiteral } from "../base/ip.ts";

export interface PemPair {
  readonly key: string;
  readonly cert: string;
}

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const DAY_MS = 86_400_000;

/** For the names (host names or addresses), the first of them its common name; valid from a day before `now` for `days`. */
export async function selfSigned(names: readonly string[], now: number, days = 825): Promise<PemPair> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [names[0] ?? "localhost"] }],
    notBefore: new Date(now - DAY_MS),
    notAfter: new Date(now + days * DAY_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      subjectNames(names),
    ],
  });
  return { key: await keyPem(keys.privateKey), cert: `${cert.toString("pem")}\n` };
}

export function subjectNames(names: readonly string[]): x509.SubjectAlternativeNameExtension {
  return new x509.SubjectAlternativeNameExtension(
    names.map((value) => ({ type: isIpLiteral(value) ? "ip" as const : "dns" as const, value })),
  );
}

/** PKCS#8 PEM of a private key. */
export async function keyPem(key: CryptoKey): Promise<string> {
  const der = await crypto.subtle.exportKey("pkcs8", key);
  return `${x509.PemConverter.encode(der, "PRIVATE KEY")}\n`;
}

/** Sixteen random octets, positive and without a leading zero (RFC 5280 §4.1.2.2). */
export function serialNumber(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = bytes[0]! & 0x3f | 0x40;
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
