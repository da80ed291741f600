/** Who sends the made-up mail, and what the DNS says of them. Names of RFC 2606, addresses of RFC 5737, so nobody real is meant. */
import type { ZoneText } from "./zone.ts";

export interface MailClient {
  readonly ip: string;
  readonly helo: string;
  readonly domain: string;
}

const client = (ip: string, domain: string, helo = `mail.${domain}`): MailClient => ({ ip, helo, domain });

export const CLIENTS = {
  /** Their names lead there and back, they say who may send for them. */
  good: [client("192.0.2.10", "good.test"), client("192.0.2.20", "shop.test"), client("192.0.2.30", "school.test")],
  list: client("192.0.2.40", "lists.test"),
  bulk: client("192.0.2.50", "news.test"),
  /** On lists in the DNS. */
  spammer: client("203.0.113.66", "spam.test", "localhost.localdomain"),
  /** Without a name, at an address of the kind that homes have. */
  nameless: client("203.0.113.99", "dialup.test", "[203.0.113.99]"),
  /** May relay. */
  inside: client("127.0.0.1", "kasi.test", "desk.kasi.test"),
} as const;

/** Where mail that leaves is taken. */
export const FAR = "198.51.100.200";

const reversed = (ip: string) => ip.split(".").reverse().join(".");
const named = ({ ip, domain, helo }: MailClient): ZoneText => ({
  [domain]: { MX: [`10 mx.${domain}`], TXT: [`v=spf1 ip4:${ip} -all`], A: [ip] },
  [`mx.${domain}`]: { A: [FAR] },
  [helo]: { A: [ip] },
  [`_dmarc.${domain}`]: { TXT: ["v=DMARC1; p=quarantine; rua=mailto:dmarc@good.test"] },
  [`${reversed(ip)}.in-addr.arpa`]: { PTR: [helo] },
});

export const MAIL_ZONE: ZoneText = {
  ...Object.assign({}, ...[...CLIENTS.good, CLIENTS.list, CLIENTS.bulk].map(named)),
  // What nearly every list answers for its own test.
  "2.0.0.127.zen.spamhaus.org": { A: ["127.0.0.2"] },
  "2.0.0.127.bl.spamcop.net": { A: ["127.0.0.2"] },
  // What the plugin asn asks its provider at the start.
  "165.51.128.66.asn.rspamd.com": { TXT: ["15169|66.128.0.0/16|US|arin|"] },
  "kasi.test": { MX: ["10 mx.kasi.test"], TXT: ["v=spf1 mx -all"] },
  "mx.kasi.test": { A: ["198.51.100.1"] },
  "spam.test": { A: [CLIENTS.spammer.ip] },
  [`${reversed(CLIENTS.spammer.ip)}.in-addr.arpa`]: { PTR: ["203-0-113-66.pool.dialup.test"] },
  "dialup.test": { A: ["203.0.113.1"], MX: ["10 mx.dialup.test"] },
  "mx.dialup.test": { A: [FAR] },
  "bank.test": { MX: ["10 mx.bank.test"], TXT: ["v=spf1 ip4:192.0.2.200 -all"] },
  "mx.bank.test": { A: ["192.0.2.200"] },
  "_dmarc.bank.test": { TXT: ["v=DMARC1; p=reject"] },
  "elsewhere.test": { MX: ["10 mx.elsewhere.test"] },
  "mx.elsewhere.test": { A: [FAR] },
  [`${reversed("203.0.113.66")}.zen.spamhaus.org`]: { A: ["127.0.0.4"] },
};
