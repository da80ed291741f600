/** Which of several certificates for one name a client is served: one whose signatures it can verify, elliptic curves first. */
import type { KeyObject } from "node:crypto";
import type { ClientHello } from "./client_hello.ts";

/** What of a key decides who can verify with it. */
export type KeyKind = "ec-p256" | "ec-p384" | "ec-p521" | "ed25519" | "rsa" | "other";

/** Signature schemes (RFC 8446 §4.2.3) that a key of each kind can make. */
const SCHEMES: { readonly [K in KeyKind]: readonly number[] } = {
  "ec-p256": [0x0403],
  "ec-p384": [0x0503],
  "ec-p521": [0x0603],
  ed25519: [0x0807],
  rsa: [0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601],
  other: [],
};

const CURVES: { readonly [name: string]: KeyKind | undefined } = {
  prime256v1: "ec-p256",
  secp384r1: "ec-p384",
  secp521r1: "ec-p521",
  // As WebCrypto names them.
  "P-256": "ec-p256",
  "P-384": "ec-p384",
  "P-521": "ec-p521",
};

/** Suites of TLS 1.2 whose server signs with ECDSA or EdDSA (RFC 8422, 5289, 7251, 7905). */
const ECDSA_SUITES = new Set([
  ...[0xc009, 0xc00a, 0xc023, 0xc024, 0xc02b, 0xc02c, 0xc072, 0xc073, 0xcca9],
  ...[0xc0ac, 0xc0ad, 0xc0ae, 0xc0af],
]);

export function kindOf(key: KeyObject): KeyKind {
  const type = key.asymmetricKeyType;
  if (type === "rsa" || type === "ed25519") return type;
  return type === "ec" ? CURVES[String(key.asymmetricKeyDetails?.namedCurve)] ?? "other" : "other";
}

/** The candidate to serve; the first when nothing is known of the client, or when it can verify none. */
export function chooseByKey<T extends { readonly kind: KeyKind }>(candidates: readonly T[], hello?: ClientHello): T {
  if (candidates.length === 1 || hello === undefined) return candidates[0]!;
  const able = candidates.filter(({ kind }) => canVerify(hello, kind));
  // A handshake with a key on a curve costs half of one with RSA (runtime.md §A).
  return able.find(({ kind }) => kind !== "rsa" && kind !== "other") ?? able[0] ?? candidates[0]!;
}

function canVerify({ signatures, suites, tls13 }: ClientHello, kind: KeyKind): boolean {
  // RFC 5246 §7.4.1.4.1: who names none takes what goes with its suites.
  if (signatures !== undefined && !SCHEMES[kind].some((scheme) => signatures.includes(scheme))) return false;
  return tls13 || suites.some((suite) => ECDSA_SUITES.has(suite) === (kind !== "rsa"));
}
