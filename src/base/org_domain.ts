/** The organizational domain of a host name, by the public suffix list (private suffixes included): `a.b.example.co.uk` → `example.co.uk`. */
import { getDomain, parse } from "tldts";

/** Lower-case; the host itself when it has none (a bare suffix, `localhost`, an IP address). */
export function organizationalDomain(host: string): string {
  const name = host.toLowerCase();
  return getDomain(name, { allowPrivateDomains: true }) ?? name;
}

/** The same, but undefined when it has none, and for names below a top-level domain that the list does not know (`mail.lan`). */
export function registeredDomain(host: string): string | undefined {
  const { domain, isIcann, isPrivate } = parse(host.toLowerCase(), { allowPrivateDomains: true });
  return isIcann || isPrivate ? domain ?? undefined : undefined;
}
