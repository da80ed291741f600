/**
 * What `helo.checks` looks at, check by check: facts in, a finding out. A helper; pure but for `forward_dns`, which asks the DNS.
 *
 * The names of findings are Haraka's: other plugins and site scripts match on them.
 */
import { ipInList, ipInName, ipVersion, isPrivateIp, normalizeIp, registeredDomain } from "kasi";

/** What a check knows. */
export interface Facts {
  /** As the client said it. */
  readonly host: string;
  readonly ip: string;
  /** Reverse name of the client; "" when there is none. */
  readonly rdns: string;
  readonly patterns: readonly RegExp[];
  /** Well-known names, lower case, and the domains their clients come from. */
  readonly companies: ReadonlyMap<string, readonly string[]>;
  readonly knownTlds: readonly string[];
  readonly literalMode: 0 | 1 | 2 | 3;
  readonly checksHostname: boolean;
  /** What earlier checks of this greeting passed. */
  readonly passed: ReadonlySet<string>;
  lookUp(host: string): Promise<{ readonly ips: readonly string[] } | { readonly failed: string }>;
}
type List = "pass" | "fail" | "skip" | "err";
/** `refuse`: what the client is told if the check's reject flag is set. `later`: that it may come back. */
export interface Finding {
  readonly list: List;
  readonly text: string;
  readonly refuse?: string;
  readonly code?: number;
  readonly enhanced?: string;
  readonly later?: true;
  readonly ips?: readonly string[];
}
type Check = (facts: Facts) => Finding | Promise<Finding>;

const found = (list: List, text: string, refuse?: string): Finding =>
  refuse === undefined ? { list, text } : { list, text, refuse };

/** The address within `[192.0.2.1]` or `[IPv6:2001:db8::1]`. */
export function literalOf(host: string): string | undefined {
  if (!host.startsWith("[") || ipVersion(host) === undefined) return undefined;
  return normalizeIp(host.slice(1, -1).replace(/^ipv6:/i, ""));
}

/** In the order in which they are made. */
export const CHECKS = {
  match_re: ({ host, patterns }) =>
    patterns.some((pattern) => pattern.test(host))
      ? found("fail", "match_re", "That HELO is not welcome here")
      : found("pass", "match_re"),

  // RFC 5321 §4.1.3: an address stands in brackets.
  bare_ip: ({ host }) =>
    !host.startsWith("[") && ipVersion(host.replace(/^ipv6:/i, "")) !== undefined
      ? found("fail", "bare_ip(invalid literal)", "An address in HELO stands in brackets")
      : found("pass", "bare_ip"),

  dynamic({ host, ip }) {
    if (!host.includes(".") && !host.includes(":")) return found("skip", "dynamic(no dots)");
    if (literalOf(host) !== undefined) return found("skip", "dynamic(literal)");
    return ipInName(ip, host)
      ? found("fail", "dynamic", "Your HELO is made from your address: use your provider's server")
      : found("pass", "dynamic");
  },

  big_company({ host, rdns, companies }) {
    if (literalOf(host) !== undefined) return found("skip", "big_co(literal)");
    const domains = companies.get(host.toLowerCase());
    if (domains === undefined) return found("pass", "big_co(not)");
    if (rdns === "") return found("fail", "big_co(rDNS)", "You are not who you say you are");
    const name = rdns.toLowerCase();
    return domains.some((domain) => name === domain || name.endsWith(`.${domain}`))
      ? found("pass", "big_co")
      : found("fail", "big_co", "You are not who you say you are");
  },

  valid_hostname({ host, knownTlds }) {
    const refuse = "HELO must be a full host name or an address in brackets";
    if (host === "") return found("fail", "valid_hostname(empty)", refuse);
    if (literalOf(host) !== undefined) return found("skip", "valid_hostname(literal)");
    if (!/^[\x21-\x7e]+$/.test(host)) {
      // RFC 5321 §2.3.5
      return { ...found("fail", "valid_hostname(not_ascii)", refuse), code: 501, enhanced: "5.5.4" };
    }
    if (!host.includes(".")) return found("fail", "valid_hostname(no_dot)", refuse);
    if (registeredDomain(host) !== undefined) return found("pass", "valid_hostname");
    const tld = host.slice(host.lastIndexOf(".") + 1).toLowerCase();
    return knownTlds.some((known) => known.replace(/^\./, "").toLowerCase() === tld)
      ? found("skip", `valid_hostname(${tld})`)
      : found("fail", "valid_hostname", refuse);
  },

  rdns_match({ host, rdns }) {
    if (host === "") return found("fail", "rdns_match(empty)");
    if (literalOf(host) !== undefined) return found("fail", "rdns_match(literal)");
    if (rdns !== "" && host.toLowerCase() === rdns.toLowerCase()) return found("pass", "rdns_match");
    const domain = registeredDomain(host);
    return domain !== undefined && domain === registeredDomain(rdns)
      ? found("pass", "rdns_match(org_dom)")
      : found("fail", "rdns_match", "Your HELO does not match your reverse name");
  },

  async forward_dns({ host, ip, rdns, checksHostname, passed, lookUp }) {
    if (!checksHostname) return found("err", "forward_dns(valid_hostname disabled)");
    if (literalOf(host) !== undefined) return found("skip", "forward_dns(literal)");
    const refuse = "Your HELO does not lead to your address";
    if (!passed.has("valid_hostname")) return found("fail", "forward_dns(invalid_hostname)", refuse);
    const answer = await lookUp(host);
    if ("failed" in answer) {
      const fault = found("fail", `forward_dns(${answer.failed})`);
      // A DNS that cannot say is no reason to turn anybody away for good.
      return answer.failed === "TIMEOUT"
        ? { ...fault, refuse: "No answer for the name in your HELO", later: true }
        : fault;
    }
    const { ips } = answer;
    if (ips.length === 0) return found("fail", "forward_dns(no ips)", refuse);
    if (ips.includes(normalizeIp(ip))) return { ...found("pass", "forward_dns"), ips };
    // Large senders greet by one name from many machines.
    const isRelated = passed.has("rdns_match") || passed.has("rdns_match(org_dom)");
    return isRelated && registeredDomain(host) === registeredDomain(rdns)
      ? { ...found("pass", "forward_dns(domain)"), ips }
      : { ...found("fail", "forward_dns(no IP match)", refuse), ips };
  },

  literal_mismatch({ host, ip, literalMode }) {
    const literal = literalOf(host);
    const own = normalizeIp(ip);
    if (literal === undefined || literal === own) return found("pass", "literal_mismatch");
    if (literalMode > 2 && isPrivateIp(literal)) return found("pass", "literal_mismatch(private)");
    const isNear = literalMode > 1 && ipVersion(own) === 4 && ipInList([`${own}/24`], literal);
    return isNear
      ? found("pass", "literal_mismatch")
      : found("fail", "literal_mismatch", "The address in your HELO is not yours");
  },
} satisfies { readonly [name: string]: Check };

export type CheckName = keyof typeof CHECKS;
