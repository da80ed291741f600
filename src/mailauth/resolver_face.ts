/**
 * Our resolver as the package `mailauth` wants one: as `node:dns` answers, arrays of records or an error with a code.
 *
 * The one promise that matters: a look-up nobody could answer never looks like an answer. `failed` becomes a code that the package
 * takes for a temporary error; NXDOMAIN and NODATA become `ENOTFOUND` and `ENODATA`. `failures` tells afterwards what could not be
 * asked, for those of its functions that report every error as final. Aborting is a failure like any other.
 */
import type { DnsAnswer, DnsRecords, RecordType, Resolver } from "../host/types.ts";

export type NodeResolver = (name: string, type: string) => Promise<unknown[]>;

export interface ResolverFace {
  readonly resolve: NodeResolver;
  /** Look-ups that nobody could answer, as `TXT example.com: servfail`. */
  readonly failures: readonly string[];
}

/** How `node:dns` writes the records of a type; types that are not here were never asked for by the package. */
const AS_NODE: { readonly [T in RecordType]?: (record: DnsRecords[T]) => unknown } = {
  A: (ip) => ip,
  AAAA: (ip) => ip,
  CNAME: (name) => name,
  NS: (name) => name,
  PTR: (name) => name,
  TXT: (text) => [text],
  MX: ({ preference, exchange }) => ({ priority: preference, exchange }),
};

const CODES: { readonly [R in Extract<DnsAnswer<"A">, { kind: "failed" }>["reason"]]: string } = {
  servfail: "ESERVFAIL",
  refused: "EREFUSED",
  timeout: "ETIMEOUT",
  network: "ECONNREFUSED",
  malformed: "EBADRESP",
  other: "EUNKNOWN",
};

export function resolverFace(resolver: Resolver, signal?: AbortSignal): ResolverFace {
  const failures: string[] = [];
  const fail = (name: string, type: string, code: string, why: string): never => {
    failures.push(`${type} ${name}: ${why}`);
    throw dnsError(code, `${type} ${name}: ${why}`);
  };

  async function resolve(asked: string, type: string): Promise<unknown[]> {
    const name = asked.replace(/\.$/, "");
    const asNode = AS_NODE[type as RecordType] as ((record: unknown) => unknown) | undefined;
    if (asNode === undefined) throw new TypeError(`Cannot resolve this type: current value is ${JSON.stringify(type)}`);
    if (!canExist(name)) throw dnsError("EBADNAME", `${name} is no DNS name`);
    let answer: DnsAnswer<RecordType>;
    try {
      answer = await resolver.resolve(name, type as RecordType, signal === undefined ? {} : { signal });
    } catch (fault) {
      return fail(name, type, "ETIMEOUT", signal?.aborted ? "gave up waiting" : String(fault));
    }
    switch (answer.kind) {
      case "records":
        return answer.records.map(asNode);
      case "nodata":
        throw dnsError("ENODATA", `${type} ${name}: no such record`);
      case "nxdomain":
        throw dnsError("ENOTFOUND", `${type} ${name}: no such name`);
      case "failed":
        return fail(name, type, CODES[answer.reason], answer.reason + (answer.detail && ` (${answer.detail})`));
    }
  }
  return { resolve, failures };
}

/** RFC 1035 §2.3.4: labels of 1 to 63 octets, 253 in all. */
function canExist(name: string): boolean {
  return name.length <= 253 && name.split(".").every((label) => label.length > 0 && label.length <= 63);
}

function dnsError(code: string, message: string): Error & { code: string } {
  return Object.assign(new Error(message), { code });
}
