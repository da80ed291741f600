/**
 * The channel binding `tls-server-end-point` (RFC 5929 §4): a hash of the server's certificate, by the hash its signature was made with.
 *
 * `undefined` where the RFC defines none (Ed25519 and other signatures that name no single hash) and for what cannot be read.
 */
import { createHash } from "node:crypto";
import type { Bytes } from "../base/bytes.ts";
import { type Element, readElement } from "./der.ts";

/** Signature algorithms by object identifier, in hexadecimal, and the hash of the binding: MD5 and SHA-1 give way to SHA-256 (§4.1). */
const HASHES: { readonly [oid: string]: string | undefined } = {
  // sha*WithRSAEncryption (RFC 8017)
  "2a864886f70d010104": "sha256",
  "2a864886f70d010105": "sha256",
  "2a864886f70d01010b": "sha256",
  "2a864886f70d01010c": "sha384",
  "2a864886f70d01010d": "sha512",
  // ecdsa-with-SHA* (RFC 5758)
  "2a8648ce3d0401": "sha256",
  "2a8648ce3d040302": "sha256",
  "2a8648ce3d040303": "sha384",
  "2a8648ce3d040304": "sha512",
};
/** RSASSA-PSS names its hash among its parameters; SHA-1 when it does not (RFC 4055 §3.1). */
const PSS = "2a864886f70d01010a";
const PSS_HASHES: { readonly [oid: string]: string | undefined } = {
  "2b0e03021a": "sha256",
  "608648016503040201": "sha256",
  "608648016503040202": "sha384",
  "608648016503040203": "sha512",
};

/** `certificate`: DER. */
export function serverEndPoint(certificate: Uint8Array): Bytes | undefined {
  const hash = hashOf(certificate);
  if (hash === undefined) return undefined;
  return new Uint8Array(createHash(hash).update(certificate).digest());
}

function hashOf(certificate: Uint8Array): string | undefined {
  try {
    // Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm SEQUENCE { OID, parameters }, signatureValue } (RFC 5280 §4.1)
    const outer = readElement(certificate, 0);
    const tbs = readElement(certificate, outer.from);
    const algorithm = readElement(certificate, tbs.to);
    const oid = readElement(certificate, algorithm.from);
    const name = hex(certificate, oid);
    return name === PSS ? pssHash(certificate, readElement(certificate, oid.to)) : HASHES[name];
  } catch {
    return undefined;
  }
}

/** RSASSA-PSS-params ::= SEQUENCE { [0] HashAlgorithm DEFAULT sha1, … } */
function pssHash(certificate: Uint8Array, parameters: Element): string | undefined {
  if (parameters.from === parameters.to) return "sha256";
  const first = readElement(certificate, parameters.from);
  if (first.tag !== 0xa0) return "sha256";
  return PSS_HASHES[hex(certificate, readElement(certificate, readElement(certificate, first.from).from))];
}

function hex(der: Uint8Array, { from, to }: Element): string {
  return [...der.subarray(from, to)].map((octet) => octet.toString(16).padStart(2, "0")).join("");
}
