/** Finds the names and addresses that a text leads to: links with and without a scheme, and links to bare addresses. */
import { everyPart, ipVersion, type Part, registeredDomain } from "kasi";

/** Names looked at in one message: a text of nothing but names must not cost minutes. */
const MOST = 1000;

/** Characters of host names, in any script. */
const TOKEN = /[a-z0-9._\u0080-\uffff-]{4,253}/gi;
/** A link whose host is an address in one of its many spellings. */
const BARE_ADDRESS =
  /[a-z][a-z0-9+-]{1,15}:\/{1,3}(?:[^\s/@"'<>]{0,64}@)?(\[[0-9a-f:.]{2,45}\]|0x[0-9a-f]{1,8}|\d[\dx.]{0,30})(?![\w.-])/gi;

/** Host names and addresses in the text parts, each once, lower-case. */
export function linksIn(message: Part): readonly string[] {
  const found = new Set<string>();
  for (const part of everyPart(message)) {
    if (part.isAttachment || part.media.type.startsWith("multipart/")) continue;
    for (const host of hostsIn(part.text())) {
      if (found.size >= MOST) return [...found];
      found.add(host);
    }
  }
  return [...found];
}

export function hostsIn(text: string): ReadonlySet<string> {
  const found = new Set<string>();
  const plain = text
    .replace(/&#(x[0-9a-f]{1,6}|\d{1,7});/gi, (whole, code: string) => entity(code) ?? whole)
    // A name in a query of another link.
    .replace(/%(?:25)?(?:2f|3d|40)/gi, " ");
  for (const [, host] of plain.matchAll(BARE_ADDRESS)) {
    const ip = URL.parse(`http://${host}/`)?.hostname.replace(/^\[|\]$/g, "");
    if (ip !== undefined && ipVersion(ip) !== undefined) found.add(ip);
  }
  const seen = new Set<string>();
  for (const [token] of plain.matchAll(TOKEN)) {
    if (!token.includes(".") || seen.has(token)) continue;
    if (seen.size >= MOST) break;
    seen.add(token);
    const name = asHost(token.replace(/^[._-]+|[._-]+$/g, ""));
    if (name !== undefined && registeredDomain(name) !== undefined) found.add(name);
  }
  return found;
}

/** In lower-case A-labels. */
function asHost(token: string): string | undefined {
  if (/^[\d.]+$/.test(token)) return undefined;
  // deno-lint-ignore no-control-regex
  return /^[\x00-\x7f]*$/.test(token) ? token.toLowerCase() : URL.parse(`http://${token}/`)?.hostname;
}

function entity(code: string): string | undefined {
  const point = /^x/i.test(code) ? parseInt(code.slice(1), 16) : Number(code);
  return point > 0 && point <= 0x10ffff ? String.fromCodePoint(point) : undefined;
}
