/**
 * A connection's octets as calls, without streams around them: a stream costs each read and each write some promises and objects more, which
 * came to a sixth of what a small message costs in all (docs/performance.md).
 */
import type { Bytes } from "./bytes.ts";

export interface Octets {
  /** Fills some of `into`; null at the peer's end, which closes nothing. One at a time. */
  read(into: Bytes): Promise<number | null>;
  /** Takes some of `from`, which is not to change until then. One at a time. */
  write(from: Uint8Array): Promise<number>;
  /** Ends our direction. */
  closeWrite(): Promise<void>;
}

/** A connection as its octets, when its host has them so. Whoever reads by them must not have asked for its streams. */
export function octetsOf(conn: Pick<Octets, "closeWrite"> & Partial<Octets>): Octets | undefined {
  return conn.read === undefined || conn.write === undefined ? undefined : conn as Octets;
}

export function isOctets(from: object): from is Octets {
  return "closeWrite" in from;
}
