/** A small world of certificates: an authority, servers good and bad, clients, and a stranger. P-256 throughout. */
import { keyPem, type PemPair, serialNumber, subjectNames } from "../../src/host/self_signed.ts";
import * as x509 from "@peculiar/x509";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const DAY_MS = 86_400_000;

export interface Pki {
  /** PEM of the authority that signed all but the stranger. */
  readonly ca: string;
  /** For `localhost`, `mx.test` and 127.0.0.1. */
  readonly leaf: PemPair;
  /** For `other.test` and `*.wild.test`. */
  readonly other: PemPair;
  /** For `localhost`, ended yesterday. */
  readonly expired: PemPair;
  readonly client: PemPair;
  /** A client that signed for itself. */
  readonly stranger: PemPair;
}

interface Authority {
  readonly keys: CryptoKeyPair;
  readonly name: string;
  readonly pem: string;
}

export async function makePki(now: number = Date.now()): Promise<Pki> {
  const ca = await authority("Kasi Test CA", now);
  return {
    ca: ca.pem,
    leaf: await issue(ca, ["localhost", "mx.test", "127.0.0.1"], now),
    other: await issue(ca, ["other.test", "*.wild.test"], now),
    expired: await issue(ca, ["localhost"], now, -1),
    client: await issue(ca, ["client.test"], now),
    stranger: await issue(await authority("Nobody's CA", now), ["stranger.test"], now),
  };
}

async function authority(name: string, now: number): Promise<Authority> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [name] }],
    notBefore: new Date(now - 30 * DAY_MS),
    notAfter: new Date(now + 30 * DAY_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  });
  return { keys, name, pem: `${cert.toString("pem")}\n` };
}

/** `days` from now it ends; negative: it has. */
async function issue(by: Authority, names: readonly string[], now: number, days = 10): Promise<PemPair> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const cert = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: [{ CN: [names[0]!] }],
    issuer: [{ CN: [by.name] }],
    notBefore: new Date(now - 20 * DAY_MS),
    notAfter: new Date(now + days * DAY_MS),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: by.keys.privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
      subjectNames(names),
    ],
  });
  return { key: await keyPem(keys.privateKey), cert: `${cert.toString("pem")}\n` };
}
