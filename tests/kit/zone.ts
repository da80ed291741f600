/**
 * A DNS zone as an object literal, and the resolver that answers from it.
 *
 *     const dns = zone({
 *       "example.com": { MX: ["10 mx.example.com"], TXT: ["v=spf1 -all"] },
 *       "mx.example.com": { A: ["192.0.2.1"] },
 *       "1.2.0.192.in-addr.arpa": { PTR: ["mx.example.com"] },
 *       "null.example": { MX: ["0 ."] },
 *       "broken.example": "servfail",
 *     });
 *
 * Names that are not in it answer NXDOMAIN; every look-up is counted. `"silent"` answers only when the signal is aborted.
 */
import type { DnsAnswer, DnsRecords, RecordType, Resolver } from "../../src/host/types.ts";

/** A record as text (`"10 mx.example.com"`, `"0 5 5269 host"` for SRV) or as the value itself. */
type Written<T extends RecordType> = T extends "TLSA" ? DnsRecords["TLSA"] : string | DnsRecords[T];

export type ZoneNode = { readonly [T in RecordType]?: readonly Written<T>[] } & {
  /** Seconds, default 300. */
  readonly ttl?: number;
  /** The AD bit of its answers, default false. */
  readonly authentic?: boolean;
};
export type ZoneFailure = "servfail" | "refused" | "timeout" | "network" | "malformed" | "silent";
export interface ZoneText {
  readonly [name: string]: ZoneNode | ZoneFailure;
}

export interface ZoneResolver extends Resolver {
  /** Every look-up in order, as `MX example.com`. */
  readonly calls: readonly string[];
  /** How often was it asked: for a name, or for a name and a type. */
  count(name: string, type?: RecordType): number;
  /** Puts or replaces a name; undefined takes it away. */
  set(name: string, node: ZoneNode | ZoneFailure | undefined): void;
}

export function zone(text: ZoneText = {}): ZoneResolver {
  const nodes = new Map<string, ZoneNode | ZoneFailure>();
  for (const [name, node] of Object.entries(text)) nodes.set(plain(name), node);
  let above: ReadonlySet<string> | undefined;
  const hasBelow = (name: string) => (above ??= namesAbove(nodes.keys())).has(name);
  const calls: string[] = [];
  return {
    calls,
    count: (name, type) =>
      calls.filter((call) => type === undefined ? call.endsWith(` ${plain(name)}`) : call === `${type} ${plain(name)}`)
        .length,
    set(name, node) {
      if (node === undefined) nodes.delete(plain(name));
      else nodes.set(plain(name), node);
      above = undefined;
    },
    resolve(name, type, options) {
      calls.push(`${type} ${plain(name)}`);
      return answer({ nodes, hasBelow }, plain(name), type, options?.signal);
    },
  };
}

const DETAIL: { readonly [F in Exclude<ZoneFailure, "silent">]: string } = {
  servfail: "SERVFAIL from the zone",
  refused: "REFUSED from the zone",
  timeout: "no answer from the zone",
  network: "the zone cannot be reached",
  malformed: "the zone's answer made no sense",
};

async function answer<T extends RecordType>(
  { nodes, hasBelow }: {
    readonly nodes: ReadonlyMap<string, ZoneNode | ZoneFailure>;
    readonly hasBelow: (name: string) => boolean;
  },
  asked: string,
  type: T,
  signal: AbortSignal | undefined,
): Promise<DnsAnswer<T>> {
  signal?.throwIfAborted();
  let name = asked;
  for (let hops = 0; hops < 8; hops++) {
    const node = nodes.get(name);
    if (node === undefined) {
      // RFC 8020: a name with something below it exists, though it holds nothing.
      const kind = hasBelow(name) ? "nodata" : "nxdomain";
      return { kind, ttl: 300, authentic: false };
    }
    if (node === "silent") return await silence(signal);
    if (typeof node === "string") return { kind: "failed", reason: node, detail: DETAIL[node] };
    const ttl = node.ttl ?? 300;
    const authentic = node.authentic ?? false;
    const written = node[type] as readonly (string | DnsRecords[T])[] | undefined;
    if (written !== undefined && written.length > 0) {
      return { kind: "records", records: written.map((record) => parse(type, record)), ttl, authentic };
    }
    const alias = type === "CNAME" ? undefined : node.CNAME?.[0];
    if (alias === undefined) return { kind: "nodata", ttl, authentic };
    name = plain(alias);
  }
  return { kind: "failed", reason: "malformed", detail: "a chain of aliases without end" };
}

/** Names that have something below them. */
function namesAbove(names: Iterable<string>): ReadonlySet<string> {
  const above = new Set<string>();
  for (const name of names) {
    for (let dot = name.indexOf("."); dot >= 0; dot = name.indexOf(".", dot + 1)) above.add(name.slice(dot + 1));
  }
  return above;
}

function silence(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason), { once: true }));
}

function parse<T extends RecordType>(type: T, record: string | DnsRecords[T]): DnsRecords[T] {
  if (typeof record !== "string") return record;
  if (type === "TXT") return record as DnsRecords[T];
  const words = record.split(/\s+/);
  if (type === "MX") return { preference: Number(words[0]), exchange: plain(words[1]!) } as unknown as DnsRecords[T];
  if (type === "SRV") {
    const [priority, weight, port] = words.map(Number);
    return { priority, weight, port, target: plain(words[3]!) } as unknown as DnsRecords[T];
  }
  return (type === "A" || type === "AAAA" ? record : plain(record)) as DnsRecords[T];
}

/** Lower case, without the trailing dot; the root is "". */
function plain(name: string): string {
  return name.toLowerCase().replace(/\.$/, "");
}
