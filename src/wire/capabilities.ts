/** What a server offers, read from its answer to EHLO or LHLO (RFC 5321 §4.1.1.1). */
import { readSize } from "./params.ts";
import type { Reply } from "./reply.ts";

export interface PeerCapabilities {
  /** The name the server gave itself. */
  readonly domain: string;
  /** Upper-case keyword → its parameters as sent. */
  readonly keywords: ReadonlyMap<string, readonly string[]>;
  /** RFC 1870: the largest message it takes, in octets; undefined: not offered, or no fixed limit. */
  readonly size: number | undefined;
  /** RFC 4954: mechanisms in upper case. */
  readonly auth: readonly string[];
}

/** Before EHLO, and after a HELO: nothing is offered. */
export const NO_CAPABILITIES: PeerCapabilities = { domain: "", keywords: new Map(), size: undefined, auth: [] };

export function parseCapabilities(reply: Reply): PeerCapabilities {
  const [first = "", ...lines] = typeof reply.text === "string" ? [reply.text] : reply.text;
  const keywords = new Map<string, readonly string[]>();
  for (const line of lines) {
    // Old servers write `AUTH=LOGIN PLAIN`; both forms may stand side by side.
    const [keyword = "", ...parameters] = line.trim().replace(/^AUTH=/i, "AUTH ").split(/ +/);
    if (keyword === "") continue;
    const key = keyword.toUpperCase();
    keywords.set(key, [...keywords.get(key) ?? [], ...parameters]);
  }
  const size = readSize(keywords.get("SIZE")?.[0] ?? null);
  return {
    domain: first.split(" ")[0]!,
    keywords,
    size: size === 0 ? undefined : size,
    auth: [...new Set((keywords.get("AUTH") ?? []).map((mechanism) => mechanism.toUpperCase()))],
  };
}
