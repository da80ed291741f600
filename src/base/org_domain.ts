/** The organizational domain of a host name, by the public suffix list (private suffixes included): `a.b.example.co.uk` → `example.co.uk`. */
import { getDomain } from "tldts";

/** Lower-case; the host itself when it has none (a bare suffix, `localhost`, an IP address). */
export function organizationalDomain(host: string): string {
  const name = host.toLowerCase();
  return getDomain(name, { allowPrivateDomains: true }) ?? name;
}
