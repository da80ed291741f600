/**
 * Which hosts take mail for a domain (RFC 5321 §5.1): for plugins that ask whether a sender could be answered, or choose a next hop.
 *
 * Names only, as the DNS has them; delivery resolves and tries them by itself. A look-up that fails is told apart from a name that is not there.
 */
import type { Resolver } from "../host/types.ts";

export type MailHosts =
  | {
    readonly kind: "hosts";
    /** Lowest preference first. */
    readonly hosts: readonly { readonly preference: number; readonly host: string }[];
    /** There is no MX record: it is the domain's own address. */
    readonly implicit: boolean;
  }
  /** No such domain, neither MX nor address, or a null MX (RFC 7505). */
  | { readonly kind: "none"; readonly why: "no-domain" | "no-address" | "null-mx" }
  /** Nobody can tell now. */
  | { readonly kind: "failed"; readonly reason: string };

/** Never rejects, but when `signal` is aborted. */
export async function mailHosts(
  resolver: Resolver,
  domain: string,
  options: { readonly signal?: AbortSignal } = {},
): Promise<MailHosts> {
  const answer = await resolver.resolve(domain, "MX", options);
  switch (answer.kind) {
    case "records": {
      const hosts = answer.records.map(({ preference, exchange }) => ({ preference, host: exchange.toLowerCase() }))
        .filter(({ host }) => host !== "" && host !== ".")
        .sort((a, b) => a.preference - b.preference);
      return hosts.length === 0 ? { kind: "none", why: "null-mx" } : { kind: "hosts", hosts, implicit: false };
    }
    case "nodata":
      return await ownAddress(resolver, domain, options);
    case "nxdomain":
      return { kind: "none", why: "no-domain" };
    default:
      return { kind: "failed", reason: answer.reason };
  }
}

async function ownAddress(
  resolver: Resolver,
  domain: string,
  options: { readonly signal?: AbortSignal },
): Promise<MailHosts> {
  const answers = await Promise.all([
    resolver.resolve(domain, "A", options),
    resolver.resolve(domain, "AAAA", options),
  ]);
  if (answers.some(({ kind }) => kind === "records")) {
    return { kind: "hosts", hosts: [{ preference: 0, host: domain.toLowerCase() }], implicit: true };
  }
  for (const answer of answers) if (answer.kind === "failed") return { kind: "failed", reason: answer.reason };
  return { kind: "none", why: "no-address" };
}
