/**
 * A database of what is known of IP addresses (MaxMind DB: GeoLite2, GeoIP2 and others), read whole into memory.
 *
 * {@linkcode openGeoDatabase} reads a file piece by piece, so that a large one does not hold the thread, and loads its package only then.
 * Rejects for a file that cannot be read or is no such database. A record that is damaged makes `find` throw.
 */
import { Buffer } from "node:buffer";
import ipaddr from "ipaddr.js";
import type { Bytes } from "../base/bytes.ts";
import { ipVersion, normalizeIp } from "../base/ip.ts";
import type { Host } from "./types.ts";

export interface GeoFinding {
  /** What the database keeps of the network, by its own names. */
  readonly record: { readonly [name: string]: unknown };
  /** The network that the record is of: `8.8.8.0/24`. */
  readonly network: string;
}
export interface GeoDatabase {
  /** `GeoLite2-City`. */
  readonly type: string;
  /** When it was made. */
  readonly built: Date;
  /** Undefined for an address that it knows nothing of, and for text that is none. */
  find(ip: string): GeoFinding | undefined;
}

const PIECE = 1024 * 1024;
/** Octets of zero between the tree and its data. */
const SEPARATOR = 16;

export async function openGeoDatabase(
  host: Pick<Host, "openSync">,
  path: string,
  signal?: AbortSignal,
): Promise<GeoDatabase> {
  return await readGeoDatabase(await wholeFile(host, path, signal));
}

/** The octets are kept, not copied. */
export async function readGeoDatabase(octets: Bytes): Promise<GeoDatabase> {
  const { Reader } = await import("maxmind");
  let reader: InstanceType<typeof Reader>;
  try {
    reader = new Reader(Buffer.from(octets.buffer, octets.byteOffset, octets.length));
    const { searchTreeSize } = reader.metadata;
    const separator = octets.subarray(searchTreeSize, searchTreeSize + SEPARATOR);
    if (separator.length < SEPARATOR || separator.some((octet) => octet !== 0)) {
      throw new RangeError("Octets are missing");
    }
  } catch (cause) {
    throw new TypeError("Cannot read this as a database: wanted: a whole file of MaxMind's format", { cause });
  }
  const { databaseType, buildEpoch, ipVersion: version } = reader.metadata;
  return {
    type: databaseType,
    built: buildEpoch,
    find(text) {
      const ip = normalizeIp(text);
      const family = ipVersion(ip);
      // The package would follow the first bits of an IPv6 address through a tree of IPv4 networks.
      if (family === undefined || (family === 6 && version === 4)) return undefined;
      const [record, bits] = reader.getWithPrefixLength(ip);
      if (typeof record !== "object" || record === null) return undefined;
      return { record: record as unknown as GeoFinding["record"], network: networkOf(ip, family, bits) };
    },
  };
}

function networkOf(ip: string, family: 4 | 6, bits: number): string {
  const kind = family === 4 ? ipaddr.IPv4 : ipaddr.IPv6;
  return `${kind.networkAddressFromCIDR(`${ip}/${bits}`).toString()}/${bits}`;
}

async function wholeFile(host: Pick<Host, "openSync">, path: string, signal?: AbortSignal): Promise<Bytes> {
  const file = host.openSync(path, { read: true });
  try {
    const octets = new Uint8Array(file.statSync().size);
    for (let at = 0; at < octets.length;) {
      signal?.throwIfAborted();
      const read = await file.read(octets.subarray(at, at + PIECE));
      // It has been cut since; the reader says whether what is left is enough.
      if (read === null) return octets.subarray(0, at);
      at += read;
    }
    return octets;
  } finally {
    file.close();
  }
}
