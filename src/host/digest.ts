/** Hashes of octets that come in pieces. */
import { createHash } from "node:crypto";

export interface Digest {
  update(octets: Uint8Array): void;
  /** Of all so far, in hexadecimal; the last thing that may be asked of it. */
  hex(): string;
}

/** MD5 names what others have named by it; it proves nothing. */
export function newDigest(kind: "md5" | "sha256"): Digest {
  const hash = createHash(kind);
  return {
    update: (octets) => void hash.update(octets),
    hex: () => hash.digest("hex"),
  };
}
