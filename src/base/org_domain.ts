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

/** Whether a name is one below which people register: `co.uk`, `com`, `github.io`. */
export function isPublicSuffix(name: string): boolean {
  const { hostname, publicSuffix, isIcann, isPrivate } = parse(name.toLowerCase(), { allowPrivateDomains: true });
  return (isIcann || isPrivate) === true && publicSuffix === hostname;
}

/** A host name cut in two: `mail.example.co.uk` → `["mail", "example.co.uk"]`. The second half is the organizational domain. */
export function splitHost(host: string): readonly [below: string, domain: string] {
  const name = host.toLowerCase();
  const domain = organizationalDomain(name);
  return [name.length > domain.length ? name.slice(0, -domain.length - 1) : "", domain];
}
