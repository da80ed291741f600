/** The two ends of a connection as hook functions see them: addresses made plain (spec 01 §8.1). */
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
  if (!ip.includes(":")) return ip;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip);
  if (mapped) return mapped[1]!;
  const zone = ip.indexOf("%");
  return zone < 0 ? ip : ip.slice(0, zone);
}
