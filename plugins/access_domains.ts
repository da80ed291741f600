/**
 * `access.domains`, the list that holds in every phase. A helper of `access`.
 *
 * A bare domain blocks all names of its organizational domain, an address blocks itself; `!` in front lets a domain, a name or an address pass.
 */
import { type Config, organizationalDomain } from "kasi";
import { current } from "./access_lists.ts";

export const DOMAINS_FILE = "access.domains";

/** `entry` is the line that was found, without its mark. */
export type Listed = { readonly is: "exempt" | "blocked"; readonly entry: string } | undefined;

/** Asks the list for a host name, and for the address it came from where there is one. */
export async function domainList(config: Config): Promise<(host: string, address?: string) => Listed> {
  const entries = current(await config.list(DOMAINS_FILE), (lines) => new Set(lines.map(entryOf)));
  return (host, address) => {
    const domain = organizationalDomain(host);
    const names = [...(address === undefined ? [] : [address.toLowerCase()]), domain, host.toLowerCase()];
    const exempt = names.find((name) => entries().has(`!${name}`));
    if (exempt !== undefined) return { is: "exempt", entry: exempt };
    const blocked = names.find((name) => entries().has(name));
    return blocked === undefined ? undefined : { is: "blocked", entry: blocked };
  };
}

function entryOf(line: string): string {
  const entry = line.toLowerCase();
  return entry.startsWith("!") || entry.includes("@") ? entry : organizationalDomain(entry);
}
