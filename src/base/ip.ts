/**
 * IP addresses and networks as plugins ask about them. Pure; text that is no address is in no list.
 *
 * An IPv4 address in IPv6 clothes (`::ffff:192.0.2.1`) counts as the IPv4 address it is.
 */
import ipaddr from "ipaddr.js";

type Ip = ipaddr.IPv4 | ipaddr.IPv6;

/** `192.0.2.1`, `2001:db8::1`, with or without the brackets of an address literal (`[192.0.2.1]`, `[IPv6:2001:db8::1]`). */
export function isIpLiteral(text: string): boolean {
  return parse(text) !== undefined;
}

/** 4, 6, or undefined for text that is no address. */
export function ipVersion(text: string): 4 | 6 | undefined {
  const ip = parse(text);
  return ip === undefined ? undefined : ip.kind() === "ipv4" ? 4 : 6;
}

/** Whether `network` is an address or a CIDR block (`192.0.2.0/24`, `2001:db8::/32`). */
export function isNetwork(network: string): boolean {
  return parseNetwork(network) !== undefined;
}

/** Whether `ip` is one of the addresses or lies in one of the networks. */
export function ipInList(list: Iterable<string>, ip: string): boolean {
  const wanted = parse(ip);
  if (wanted === undefined) return false;
  for (const entry of list) {
    const network = parseNetwork(entry);
    if (network === undefined || network[0].kind() !== wanted.kind()) continue;
    if (wanted.match(network as never)) return true;
  }
  return false;
}

/** Whether the address is one that the whole internet can reach: global unicast, not private, loopback, multicast or reserved. */
export function isGlobalUnicast(text: string): boolean {
  return parse(text)?.range() === "unicast";
}

/** The one spelling of an address: IPv4-mapped IPv6 as IPv4, IPv6 compressed; other text as it came. */
export function normalizeIp(text: string): string {
  // The usual case costs nothing.
  if (!text.includes(":")) return text;
  return parse(text)?.toString() ?? text;
}

/** Loopback, link-local, unspecified and unique-local (spec 01 §8.1). For this machine's own addresses ask `localAddresses()`. */
export function isLocalIp(text: string): boolean {
  const ip = parse(text);
  return ip !== undefined && lies(ip, LOCAL);
}

/** Local, or of RFC 1918, or of the networks kept for documentation (RFC 5737). */
export function isPrivateIp(text: string): boolean {
  const ip = parse(text);
  return ip !== undefined && (lies(ip, LOCAL) || lies(ip, PRIVATE));
}

/** `192.0.2.1` → `1.2.0.192.in-addr.arpa` (RFC 1035 §3.5), IPv6 by nibbles (RFC 3596 §2.5); undefined for other text. */
export function reverseName(text: string): string | undefined {
  const ip = parse(text);
  if (ip === undefined) return undefined;
  const bytes = ip.toByteArray();
  if (ip.kind() === "ipv4") return `${bytes.reverse().join(".")}.in-addr.arpa`;
  const nibbles = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${[...nibbles].reverse().join(".")}.ip6.arpa`;
}

function lies(ip: Ip, networks: readonly [Ip, number][]): boolean {
  return networks.some((network) => network[0].kind() === ip.kind() && ip.match(network as never));
}

function parse(text: string): Ip | undefined {
  const bare = text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1).replace(/^ipv6:/i, "") : text;
  // ipaddr.js also reads `1`, `0x7f.1` and the like as IPv4; only four decimal parts are meant here.
  if (!bare.includes(":") && !/^\d{1,3}(\.\d{1,3}){3}$/.test(bare)) return undefined;
  if (!ipaddr.isValid(bare)) return undefined;
  return ipaddr.process(bare);
}

function parseNetwork(text: string): [Ip, number] | undefined {
  const slash = text.indexOf("/");
  const ip = parse(slash === -1 ? text : text.slice(0, slash));
  if (ip === undefined) return undefined;
  const widest = ip.kind() === "ipv4" ? 32 : 128;
  if (slash === -1) return [ip, widest];
  const bits = text.slice(slash + 1);
  return /^\d{1,3}$/.test(bits) && Number(bits) <= widest ? [ip, Number(bits)] : undefined;
}

const networks = (...list: string[]) => list.map((text) => parseNetwork(text)!);
const LOCAL = networks("127.0.0.0/8", "169.254.0.0/16", "0.0.0.0", "::", "::1", "fe80::/10", "fc00::/7");
const PRIVATE = networks(
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "192.0.2.0/24",
  "198.51.100.0/24",
  "203.0.113.0/24",
);
