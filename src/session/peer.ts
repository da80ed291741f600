/** The two ends of a connection as hook functions see them: addresses made plain, and whether they are near (spec 01 §8.1). */
import type { Addr } from "../host/types.ts";

export interface End {
  readonly ip: string;
  readonly port: number;
}

/** A Unix socket has neither address nor port; it counts as loopback. IPv4 in IPv6's clothes is IPv4. */
export function endOf(addr: Addr): End {
  if ("path" in addr) return { ip: "127.0.0.1", port: 0 };
  return { ip: plainIp(addr.hostname), port: addr.port };
}

export function plainIp(ip: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip);
  if (mapped) return mapped[1]!;
  const zone = ip.indexOf("%");
  return zone < 0 ? ip : ip.slice(0, zone);
}

/** First octet, and the range of the second (and third) that belongs to the network. */
const LOCAL_V4 = [/^127\./, /^169\.254\./, /^0\.0\.0\.0$/];
const PRIVATE_V4 = [
  /^10\./,
  /^172\.(1[6-9]|2\d|3[01])\./,
  /^192\.168\./,
  // RFC 5737: the networks of the documentation
  /^192\.0\.2\./,
  /^198\.51\.100\./,
  /^203\.0\.113\./,
];
/** fe80::/10 and fc00::/7 */
const LOCAL_V6 = [/^::1?$/, /^fe[89ab][0-9a-f]:/i, /^f[cd][0-9a-f]{2}:/i];

/** Loopback, link-local, unique local; interfaces of this machine are the caller's to know. */
export function isLocalIp(ip: string): boolean {
  return (ip.includes(":") ? LOCAL_V6 : LOCAL_V4).some((network) => network.test(ip));
}

export function isPrivateIp(ip: string): boolean {
  return isLocalIp(ip) || (!ip.includes(":") && PRIVATE_V4.some((network) => network.test(ip)));
}
