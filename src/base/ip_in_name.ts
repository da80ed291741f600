/** Does a host name look made from an address? Providers name their customers' lines so: `c-192-0-2-9.example.net`. Pure. */
import { ipVersion, normalizeIp } from "./ip.ts";
import { organizationalDomain } from "./org_domain.ts";

/**
 * Whether the labels in front of the organizational domain hold the third and fourth octets of an IPv4 address, or the first and second, or
 * the whole of it in hexadecimal. IPv6 addresses are in no name.
 */
export function ipInName(ip: string, name: string): boolean {
  const plain = normalizeIp(ip);
  if (ipVersion(plain) !== 4) return false;
  const host = name.toLowerCase();
  const labels = host.slice(0, host.length - organizationalDomain(host).length);
  const octets = plain.split(".");
  const hex = octets.map((octet) => Number(octet).toString(16).padStart(2, "0")).join("");
  return holds(labels, octets[2]!, octets[3]!) || holds(labels, octets[0]!, octets[1]!) || labels.includes(hex);
}

/** Both, in either order, without sharing a character. */
function holds(text: string, one: string, other: string): boolean {
  return inOrder(text, one, other) || inOrder(text, other, one);
}

function inOrder(text: string, first: string, second: string): boolean {
  const at = text.indexOf(first);
  return at !== -1 && text.indexOf(second, at + first.length) !== -1;
}
