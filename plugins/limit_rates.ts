/** Rates as limit.ini writes them, and which of them a client, an address or a domain goes by: the most particular key that is listed. */
import { ipVersion, normalizeIp, reverseName } from "kasi";

/** As it was written, and what that means. */
export interface Rate {
  readonly text: string;
  /** 0: no limit. */
  readonly limit: number;
  readonly seconds: number;
}
/** A rate that cannot be read limits nothing. */
export type Listed = Rate | { readonly text: string; readonly limit?: undefined };

export interface Rates {
  readonly enabled: boolean;
  /** Key, lower-case → rate. */
  readonly by: ReadonlyMap<string, Listed>;
}
export interface FoundRate {
  /** What is counted. */
  readonly key: string;
  readonly rate: Listed;
}

const UNITS: { readonly [unit: string]: number } = { s: 1, m: 60, h: 3600, d: 86_400 };
const DEFAULT_SECONDS = 60;

export function parseRate(text: string): Listed {
  const [, limit, time = String(DEFAULT_SECONDS), unit = "s"] = /^(\d{1,9})(?:\/(\d{1,6})([smhd])?)?$/i.exec(text) ??
    [];
  const seconds = Number(time) * UNITS[unit.toLowerCase()]!;
  return limit === undefined || seconds === 0 ? { text } : { text, limit: Number(limit), seconds };
}

/** `complain` is told of each key whose rate cannot be read. */
export function readRates(
  section: { readonly [key: string]: string | undefined },
  complain: (key: string, text: string) => void,
): Rates {
  const { enabled, ...listed } = section;
  const by = new Map<string, Listed>();
  for (const [key, text] of Object.entries(listed)) {
    const rate = parseRate(text ?? "");
    if (rate.limit === undefined) complain(key, text ?? "");
    by.set(ipVersion(key) === 6 ? groupsOf(key).join(":") : key.toLowerCase(), rate);
  }
  return { enabled: isYes("enabled" in section ? enabled ?? "true" : ""), by };
}

/** `fallback` is what counts for those whose own keys are not listed; they go by `usual`, else by `default`. */
export function findRate(
  { by }: Rates,
  keys: Iterable<string>,
  fallback: string,
  usual?: Listed,
): FoundRate | undefined {
  for (const key of keys) {
    const rate = by.get(key);
    if (rate !== undefined) return { key, rate };
  }
  const rate = usual ?? by.get("default");
  return rate && { key: fallback, rate };
}

/** An address and its beginnings, longest first; then the reverse name and what is above it. */
export function hostKeys(ip: string, name: string): string[] {
  const separator = ipVersion(ip) === 6 ? ":" : ".";
  const parts = separator === ":" ? groupsOf(ip) : normalizeIp(ip).split(".");
  const prefixes = parts.map((_, i) => parts.slice(0, parts.length - i).join(separator));
  // Names that are none have no dot: NXDOMAIN, DNSERROR, Unknown.
  return name.includes(".") ? [...prefixes, ...domainKeys(name)] : prefixes;
}

/** An address, its domain and those above it. */
export function mailKeys({ address, host }: { readonly address: string; readonly host: string }): string[] {
  return host === "" ? [address.toLowerCase()] : [address.toLowerCase(), ...domainKeys(host)];
}

export function domainKeys(domain: string): string[] {
  const labels = domain.toLowerCase().replace(/\.$/, "").split(".");
  return labels.map((_, i) => labels.slice(i).join("."));
}

export function isYes(text: string): boolean {
  return /^(?:true|yes|ok|enabled|on|1)$/i.test(text);
}

/** The eight groups of an IPv6 address, without leading zeros. */
function groupsOf(ip: string): string[] {
  const nibbles = reverseName(ip)!.replace(/\.ip6\.arpa$/, "").split(".").reverse().join("");
  return nibbles.match(/.{4}/g)!.map((group) => group.replace(/^0{1,3}/, ""));
}
