/** Diffie-Hellman parameters as a PEM file: group 14 of RFC 3526, 2048 bits, which OpenSSL knows and nobody has to search primes for. */
import { createDiffieHellmanGroup } from "node:crypto";
import { element } from "./der.ts";

export function dhParameters(): string {
  const prime = createDiffieHellmanGroup("modp14").getPrime();
  // DHParameter { prime, base } (PKCS #3). The prime's highest bit is set: an octet of zero keeps it positive.
  const integer = (...octets: number[]) => element(0x02, Uint8Array.from(octets));
  const der = element(0x30, integer(0, ...prime), integer(2));
  const base64 = btoa(String.fromCharCode(...der)).replace(/.{64}/g, "$&\n");
  return `-----BEGIN DH PARAMETERS-----\n${base64.trimEnd()}\n-----END DH PARAMETERS-----\n`;
}
