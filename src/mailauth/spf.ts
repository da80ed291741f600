/**
 * SPF (RFC 7208): may this client send for this name?
 *
 * Never throws for what a peer or the DNS says: trouble is `temperror`, a record that makes no sense is `permerror`. Rejects only when
 * `signal` is aborted.
 */
import type { Resolver } from "../host/types.ts";
import { PARTS } from "./package.ts";
import { resolverFace } from "./resolver_face.ts";

export const SPF_RESULTS = ["none", "neutral", "pass", "fail", "softfail", "temperror", "permerror"] as const;
export type SpfResult = typeof SPF_RESULTS[number];

export interface SpfQuestion {
  readonly ip: string;
  /** The name of HELO or EHLO. */
  readonly helo: string;
  /** MAIL FROM's address; "" asks about the HELO name (RFC 7208 §2.3). */
  readonly sender: string;
  /** Our own name, for the macro `%{r}`. */
  readonly me: string;
  readonly resolver: Resolver;
  readonly signal?: AbortSignal;
}
export interface SpfFinding {
  readonly result: SpfResult;
  /** Whose record was asked for. */
  readonly domain: string;
  /** The record, when there was one. */
  readonly record?: string;
  /** Why, for the log; empty when there is nothing to say. */
  readonly reason: string;
}

export async function checkSpf({ ip, helo, sender, me, resolver, signal }: SpfQuestion): Promise<SpfFinding> {
  const spf = await PARTS.spf();
  const face = resolverFace(resolver, signal);
  const found = await spf({ ip, helo, sender, mta: me, resolver: face.resolve, strict: true });
  signal?.throwIfAborted();
  const result = SPF_RESULTS.find((one) => one === found.status.result) ?? "temperror";
  const said = found.status.comment || "";
  return {
    result,
    domain: found.domain,
    ...(found.rr === undefined ? {} : { record: found.rr }),
    reason: result === "temperror" ? face.failures.join("; ") || said : result === "permerror" ? said : "",
  };
}
