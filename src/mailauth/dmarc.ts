/**
 * DMARC (RFC 9989, which replaced 7489): does what SPF and DKIM found speak for the domain in From, and what does its owner ask for?
 *
 * Policy records are found by the tree walk. Never throws for what a peer or the DNS says; rejects only when `signal` is aborted.
 */
import type { Resolver } from "../host/types.ts";
import type { Message } from "../mail/message.ts";
import { authorsOf } from "./authors.ts";
import { PARTS } from "./package.ts";
import { resolverFace } from "./resolver_face.ts";

export type DmarcPolicy = "none" | "quarantine" | "reject";
export interface DmarcFinding {
  readonly result: "pass" | "fail" | "none" | "temperror" | "permerror";
  /** The domain in From, A-labels; "" when there is not exactly one. */
  readonly domain: string;
  /** What its owner asks for mail that fails; "none" without a record. */
  readonly policy: DmarcPolicy;
  readonly record?: string;
  /** The domains that aligned. */
  readonly aligned: { readonly spf?: string; readonly dkim?: string };
  /** Why; "" when there is nothing to say. */
  readonly reason: string;
}
export interface DmarcQuestion {
  readonly message: Message;
  /** The domain that SPF passed for, if it did. */
  readonly spf?: string | undefined;
  /** The domains (d=) whose DKIM signatures passed. */
  readonly dkim: readonly string[];
  readonly resolver: Resolver;
  readonly signal?: AbortSignal;
}

const RESULTS = ["pass", "fail", "none", "temperror"] as const;

export async function checkDmarc({ message, spf, dkim, resolver, signal }: DmarcQuestion): Promise<DmarcFinding> {
  const { addresses, fields } = await authorsOf(message);
  const face = resolverFace(resolver, signal);
  const dmarc = await PARTS.dmarc();
  // The package would take an address without @ for a domain.
  const cannotTell = fields > 1 || addresses.some((address) => !address.includes("@"));
  const found = cannotTell ? false : await dmarc({
    headerFrom: addresses,
    spfDomains: spf === undefined ? [] : [{ domain: spf }],
    dkimDomains: dkim.map((domain) => ({ domain })),
    resolver: face.resolve,
    strict: true,
  });
  signal?.throwIfAborted();
  if (found === false) {
    // RFC 9989 §5.3.1: no single author domain, nothing to hold the mail against.
    const reason = fields > 1 ? `${fields} From fields` : "From names no single domain";
    return { result: "permerror", domain: "", policy: "none", aligned: {}, reason };
  }
  const result = RESULTS.find((one) => one === found.status.result) ?? "permerror";
  return {
    result,
    domain: found.status.header?.from ?? found.domain,
    policy: found.policy ?? "none",
    ...(found.rr === undefined ? {} : { record: found.rr }),
    aligned: {
      ...(found.alignment?.spf.result ? { spf: found.alignment.spf.result } : {}),
      ...(found.alignment?.dkim.result ? { dkim: found.alignment.dkim.result } : {}),
    },
    reason: result === "temperror" ? face.failures.join("; ") || found.error || "" : "",
  };
}
