/** `require('haraka-net-utils')` and `haraka-tld` for a site without those packages, over our resolver (spec 01 §11). */
import {
  ipInList,
  ipVersion,
  isGlobalUnicast,
  isIpLiteral,
  isLocalIp,
  isPrivateIp,
  normalizeIp,
  reverseName,
} from "../../base/ip.ts";
import { ipInName } from "../../base/ip_in_name.ts";
import { organizationalDomain, registeredDomain } from "../../base/org_domain.ts";
import type { Machine } from "../../host/types.ts";

interface Mx {
  readonly priority: number;
  readonly exchange: string;
  readonly from_dns?: string;
}
type Done<T> = ((error: unknown, value?: T) => void) | undefined;

export function netUtils({ resolver, localAddresses }: Machine, serverName: string): Readonly<Record<string, unknown>> {
  async function look<T extends "A" | "AAAA" | "MX">(name: string, type: T) {
    const answer = await resolver.resolve(name, type);
    if (answer.kind === "records") return answer.records;
    if (answer.kind !== "failed") return [];
    throw Object.assign(new Error(answer.detail), { code: answer.reason === "timeout" ? "ETIMEOUT" : "ESERVFAIL" });
  }
  const addresses = async (name: string) => (await Promise.all([look(name, "A"), look(name, "AAAA")])).flat();
  async function getMx(domain: string): Promise<Mx[]> {
    const found = await look(domain.toLowerCase(), "MX");
    const listed = found.map(({ preference, exchange }) => ({ priority: preference, exchange, from_dns: domain }));
    // RFC 5321 §5.1: without an MX the address itself is one.
    return listed.length > 0
      ? listed.sort((a, b) => a.priority - b.priority)
      : (await addresses(domain)).map((exchange) => ({ priority: 0, exchange, from_dns: domain }));
  }
  const isLocal = (ip: string) => isLocalIp(ip) || localAddresses().includes(normalizeIp(ip));
  return {
    get_primary_host_name: () => serverName,
    is_private_ip: (ip: string) => isPrivateIp(ip) || isLocal(ip),
    is_local_ip: isLocal,
    is_local_host: async (host: string) =>
      host === serverName || isLocal(host) || (!isIpLiteral(host) && (await addresses(host)).some(isLocal)),
    ip_in_list: (list: readonly string[] | object, ip: string) =>
      ipInList(Array.isArray(list) ? list : Object.keys(list), ip),
    is_ip_literal: isIpLiteral,
    is_ipv4_literal: (host: string) => ipVersion(host) === 4,
    is_ip_in_str: (ip: string, host: string) => ipInName(ip, host),
    same_ipv4_network: (ip: string, list: readonly string[]) => ipInList(list.map((one) => `${one}/24`), ip),
    normalize_ip: normalizeIp,
    ipv6_reverse: (ip: string) => reverseName(ip)?.replace(/\.ip6\.arpa$/, ""),
    ipv6_bogus: (ip: string) => !isGlobalUnicast(ip),
    get_mx: (domain: string, done?: Done<Mx[]>) => either(getMx(domain), done),
    get_implicit_mx: async (domain: string) =>
      (await addresses(domain)).map((exchange) => ({ priority: 0, exchange, from_dns: domain })),
    resolve_mx_hosts: async (list: readonly Mx[]) =>
      (await Promise.all(list.map(async (mx) => {
        const found = isIpLiteral(mx.exchange) ? [mx.exchange] : await addresses(mx.exchange).catch(() => []);
        return found.map((exchange) => ({ ...mx, exchange, from_dns: mx.exchange }));
      }))).flat(),
    get_ips_by_host: (host: string, done?: Done<string[]>) => either(addresses(host), done),
  };
}

export const TLD: Readonly<Record<string, unknown>> = {
  get_organizational_domain: (host?: string) => host ? registeredDomain(host) ?? null : null,
  is_public_suffix: (host: string) =>
    registeredDomain(host) === undefined && organizationalDomain(host) === host.toLowerCase(),
  split_hostname(host: string): [string, string] {
    const domain = organizationalDomain(host);
    return [host.slice(0, Math.max(0, host.length - domain.length - 1)), domain];
  },
};

/** Both ways of asking: a promise, or `(error, value)`. */
function either<T>(promise: Promise<T>, done: Done<T>): Promise<T | undefined> {
  return done === undefined ? promise : promise.then((value) => {
    done(null, value);
    return value;
  }, (error) => {
    done(error);
    return undefined;
  });
}
