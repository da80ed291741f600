/**
 * Private keys for signatures: read from PEM, made anew, and what the DNS says of them.
 *
 * RSA of at least 1024 bits (PKCS#8 or PKCS#1) and Ed25519 (PKCS#8). {@linkcode readDkimKey} throws a TypeError that says what is
 * wrong with the text it was given.
 */
import { type Bytes, concat, latin1Decode, latin1Encode } from "../base/bytes.ts";
import { turns } from "../base/turns.ts";

export type DkimAlgorithm = "rsa-sha256" | "ed25519-sha256";

export interface DkimKey {
  readonly algorithm: DkimAlgorithm;
  /**
   * A signature over `data`, base64. RSA is computed off the session's thread, by as many threads as there are processors; who is aborted
   * while all of them are busy is rejected with the signal's reason.
   */
  sign(data: Bytes, signal?: AbortSignal): Promise<string>;
}

const RSA = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" } as const;
const ED25519 = { name: "Ed25519" } as const;
/** RFC 8301 §3.2: nobody accepts shorter ones. */
const LEAST_BITS = 1024;

/**
 * The runtime computes each signature on a thread of a pool of its own, of which Deno's has hundreds: without a limit, a hundred messages at
 * once leave the session's thread a hundredth of the machine (docs/performance.md, "Signing").
 */
const rsaTurn = turns(navigator.hardwareConcurrency);

/** DER of the object identifiers 1.2.840.113549.1.1.1 and 1.3.101.112. */
const OID_RSA = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
const OID_ED25519 = "\x06\x03\x2b\x65\x70";

export async function readDkimKey(pem: string): Promise<DkimKey> {
  const [, label, body] = /-----BEGIN ([A-Z ]+)-----([^-]+)-----END \1-----/.exec(pem) ?? [];
  if (label === undefined || body === undefined) throw unreadable("no PEM block in it");
  if (label === "ENCRYPTED PRIVATE KEY" || /^Proc-Type:.*ENCRYPTED/im.test(body)) throw unreadable("it is encrypted");
  if (label !== "PRIVATE KEY" && label !== "RSA PRIVATE KEY") throw unreadable(`it holds a ${label}`);
  let der: Bytes;
  try {
    der = latin1Encode(atob(body.replace(/\s+/g, "")));
  } catch {
    throw unreadable("its base64 is damaged");
  }
  const pkcs8 = label === "RSA PRIVATE KEY" ? pkcs8OfRsa(der) : der;
  const start = latin1Decode(pkcs8.subarray(0, 40));
  if (start.includes(OID_RSA)) return await rsaKey(pkcs8);
  if (start.includes(OID_ED25519)) return await ed25519Key(pkcs8);
  throw unreadable("it is neither RSA nor Ed25519");
}

async function rsaKey(pkcs8: Bytes): Promise<DkimKey> {
  const key = await imported(pkcs8, RSA);
  const bits = (key.algorithm as RsaHashedKeyAlgorithm).modulusLength;
  if (bits < LEAST_BITS) throw unreadable(`it has ${bits} bits, fewer than ${LEAST_BITS}`);
  return {
    algorithm: "rsa-sha256",
    // Three times slower on Deno than on Node, but on another thread: `node:crypto` would hold everyone up.
    sign: async (data, signal) => base64(await rsaTurn(() => crypto.subtle.sign(RSA, key, data), signal)),
  };
}

async function ed25519Key(pkcs8: Bytes): Promise<DkimKey> {
  const key = await imported(pkcs8, ED25519);
  return {
    algorithm: "ed25519-sha256",
    // RFC 8463 §3: what is signed is the hash.
    sign: async (data) => base64(await crypto.subtle.sign(ED25519, key, await crypto.subtle.digest("SHA-256", data))),
  };
}

async function imported(pkcs8: Bytes, algorithm: typeof RSA | typeof ED25519): Promise<CryptoKey> {
  try {
    return await crypto.subtle.importKey("pkcs8", pkcs8, algorithm, false, ["sign"]);
  } catch (cause) {
    throw new TypeError("Cannot read this private key: its contents are damaged", { cause });
  }
}

export interface NewDkimKey {
  /** PKCS#8. */
  readonly privatePem: string;
  readonly publicPem: string;
  /** The TXT record of `SELECTOR._domainkey.DOMAIN`. */
  readonly record: string;
}

export async function newDkimKey(kind: "rsa" | "ed25519" = "rsa"): Promise<NewDkimKey> {
  const pair = kind === "rsa"
    ? await crypto.subtle.generateKey(
      { ...RSA, modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1) },
      true,
      ["sign", "verify"],
    )
    : await crypto.subtle.generateKey(ED25519, true, ["sign", "verify"]) as CryptoKeyPair;
  const spki = base64(await crypto.subtle.exportKey("spki", pair.publicKey));
  // RFC 8463 §4: the raw 32 octets for Ed25519.
  const p = kind === "rsa" ? spki : base64(await crypto.subtle.exportKey("raw", pair.publicKey));
  return {
    privatePem: pemOf("PRIVATE KEY", base64(await crypto.subtle.exportKey("pkcs8", pair.privateKey))),
    publicPem: pemOf("PUBLIC KEY", spki),
    record: `v=DKIM1;${kind === "rsa" ? "" : "k=ed25519;"}p=${p}`,
  };
}

/** RFC 5208 §5 around RFC 8017 §A.1.2: version 0, the algorithm, the key. */
function pkcs8OfRsa(pkcs1: Bytes): Bytes {
  const algorithm = tlv(0x30, latin1Encode(`${OID_RSA}\x05\x00`));
  return tlv(0x30, concat([Uint8Array.of(2, 1, 0), algorithm, tlv(4, pkcs1)]));
}

function tlv(tag: number, content: Bytes): Bytes {
  const size = content.length;
  const length = size < 128 ? [size] : size < 256 ? [0x81, size] : [0x82, size >> 8, size & 255];
  return concat([Uint8Array.of(tag, ...length), content]);
}

function base64(octets: ArrayBuffer): string {
  return btoa(latin1Decode(new Uint8Array(octets)));
}

function pemOf(label: string, text: string): string {
  return `-----BEGIN ${label}-----\n${text.match(/.{1,64}/g)!.join("\n")}\n-----END ${label}-----\n`;
}

function unreadable(why: string): TypeError {
  return new TypeError(
    `Cannot read this private key: ${why}; wanted an RSA or Ed25519 private key in PEM, without a passphrase`,
  );
}
