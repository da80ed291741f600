/** Who tells the number of the network (ASN) that an address belongs to, and how their answers read. */
import { ipVersion, normalizeIp, reverseName } from "kasi";

export interface AsnFacts {
  readonly asn: string;
  readonly net?: string;
  readonly org?: string;
  readonly country?: string;
  readonly assignor?: string;
  readonly date?: string;
}
export interface Provider {
  /** The key of its results. */
  readonly key: string;
  readonly v4: string;
  /** Absent: it knows no IPv6. */
  readonly v6?: string;
  readonly read: (text: string, ip: string) => AsnFacts | undefined;
}

/** Zone, as asn.ini names it → who that is. */
export const PROVIDERS: { readonly [zone: string]: Provider } = {
  "origin.asn.cymru.com": {
    key: "cymru",
    v4: "origin.asn.cymru.com",
    v6: "origin6.asn.cymru.com",
    read: (text) => piped(text),
  },
  "asn.rspamd.com": { key: "rspamd", v4: "asn.rspamd.com", v6: "asn6.rspamd.com", read: (text) => piped(text) },
  "asn.routeviews.org": {
    key: "routeviews",
    v4: "asn.routeviews.org",
    v6: "origin6.asn.routeviews.org",
    read: joined,
  },
  "origin.asn.spameatingmonkey.net": {
    key: "monkey",
    v4: "origin.asn.spameatingmonkey.net",
    read(text) {
      const [net, asn, org, date, country] = parts(text);
      return facts({ asn: asn?.replace(/^AS/i, ""), net, org, date, country });
    },
  },
};

/** The name to ask a provider about an address; undefined when it does not know such addresses. */
export function questionFor(provider: Provider, ip: string): string | undefined {
  const zone = ipVersion(ip) === 6 ? provider.v6 : provider.v4;
  const reversed = reverseName(ip)?.replace(/\.(?:in-addr|ip6)\.arpa$/, "");
  return zone === undefined || reversed === undefined ? undefined : `${reversed}.${zone}`;
}

/** `asn | net | country | assignor | date`. Several networks may stand before the first bar; the first is meant. */
function piped(text: string): AsnFacts | undefined {
  const [asn, net, country, assignor, date] = parts(text);
  return facts({ asn: asn?.split(" ")[0], net, country, assignor, date });
}

/**
 * Three strings: number, network, length. They come joined (`151698.8.8.024`), and are told apart by the address: the network is the one of
 * that length it lies in.
 */
function joined(text: string, ip: string): AsnFacts | undefined {
  for (const [net, length] of networksOf(ip)) {
    const end = `${net}${length}`;
    const asn = text.toLowerCase().endsWith(end) ? text.slice(0, -end.length) : "";
    // 2^32 - 1 says that nothing is known.
    if (asn !== "") return asn === "4294967295" ? undefined : facts({ asn, net: `${net}/${length}` });
  }
}

/** Every network that an address lies in, the smallest first. */
function* networksOf(ip: string): Generator<readonly [net: string, length: number]> {
  const bits = ipVersion(ip) === 6 ? 128 : 32;
  const value = bits === 32
    ? BigInt(normalizeIp(ip).split(".").reduce((all, octet) => all * 256 + Number(octet), 0))
    : BigInt(`0x${reverseName(ip)!.replace(/\.ip6\.arpa$/, "").split(".").reverse().join("")}`);
  for (let length = bits; length >= 0; length--) {
    const rest = BigInt(bits - length);
    const hex = (value >> rest << rest).toString(16).padStart(bits / 4, "0");
    const net = bits === 32
      ? hex.match(/../g)!.map((octet) => Number(`0x${octet}`)).join(".")
      : normalizeIp(hex.match(/..../g)!.join(":"));
    yield [net, length];
  }
}

function parts(text: string): string[] {
  return text.split("|").map((part) => part.trim());
}

function facts(found: { readonly [K in keyof AsnFacts]: string | undefined }): AsnFacts | undefined {
  if (!/^\d{1,10}$/.test(found.asn ?? "")) return undefined;
  const said = Object.entries(found).filter(([, value]) => value !== undefined && value !== "");
  return Object.fromEntries(said) as unknown as AsnFacts;
}
