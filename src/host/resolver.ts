/**
 * The stub resolver: asks the system's name servers and says exactly what they said.
 *
 * NXDOMAIN, no data and every kind of failure stay apart, because mail bounces on the first two and waits on the third; the runtimes'
 * own resolvers mix them up (runtime.md §I). Answers are kept for their TTL; equal questions at one time are asked once.
 * An aborted signal rejects with its reason; nothing else rejects.
 */
import { type Clock, systemClock } from "../base/clock.ts";
import { deadline, DeadlineError } from "../base/deadline.ts";
import { isIpLiteral } from "../base/ip.ts";
import { DnsCache } from "./dns_cache.ts";
import { askTcp, askUdp, type DnsServer } from "./dns_transport.ts";
import { decodeAnswer, encodeQuery, plainName, type Received } from "./dns_wire.ts";
import type { DnsAnswer, DnsLimits, DnsRecords, RecordType, Resolver } from "./types.ts";

export interface ResolverOptions {
  readonly servers: readonly DnsServer[];
  /** For one try with one server. Default 3 000. */
  readonly timeoutMs?: number;
  /** Rounds over all servers. Default 2. */
  readonly tries?: number;
  readonly clock?: Clock;
  /** Answers kept. Default 10 000. */
  readonly cacheSize?: number;
}

export function stubResolver(options: ResolverOptions): Resolver {
  const clock = options.clock ?? systemClock;
  const cache = new DnsCache(clock, options.cacheSize);
  const asking = new Map<string, Shared<RecordType>>();
  let settings: Settings = {
    servers: options.servers,
    timeoutMs: options.timeoutMs ?? 3_000,
    tries: options.tries ?? 2,
    clock,
  };

  return {
    setLimits(limits) {
      settings = { ...settings, ...limits };
    },
    resolve<T extends RecordType>(
      text: string,
      type: T,
      { signal }: { signal?: AbortSignal } = {},
    ): Promise<DnsAnswer<T>> {
      if (signal?.aborted) return Promise.reject(signal.reason);
      const name = plainName(text);
      const known = localAnswer(name, type) ?? cache.get(name, type);
      if (known !== undefined) return Promise.resolve(known);
      const key = `${type} ${name}`;
      let shared = asking.get(key) as Shared<T> | undefined;
      if (shared === undefined) {
        // Kept and forgotten before anyone hears the answer, so that who asks next finds it, or asks anew.
        const started: Shared<T> = share(async (all) => {
          try {
            const answer = await ask(settings, name, type, all);
            cache.put(name, type, answer);
            return answer;
          } finally {
            forget();
          }
        }, () => forget());
        const forget = () => void (asking.get(key) === started as unknown && asking.delete(key));
        shared = started;
        asking.set(key, started as unknown as Shared<RecordType>);
      }
      return shared.join(signal);
    },
  };
}

/** `nameserver` lines of resolv.conf(5); the local host when there are none. */
export function resolvConf(text: string): DnsServer[] {
  const servers = [...text.matchAll(/^\s*nameserver\s+([^\s#;]+)/gm)].map((line) => line[1]!).filter(isIpLiteral);
  return (servers.length === 0 ? ["127.0.0.1"] : servers).map((address) => ({ address, port: 53 }));
}

/** RFC 6761 §6.3: names of the local host never leave the house. */
function localAnswer<T extends RecordType>(name: string, type: T): DnsAnswer<T> | undefined {
  if (name !== "localhost" && !name.endsWith(".localhost")) return undefined;
  const address = type === "A" ? "127.0.0.1" : type === "AAAA" ? "::1" : undefined;
  if (address === undefined) return { kind: "nodata", ttl: 3600, authentic: false };
  return { kind: "records", records: [address as DnsRecords[T]], ttl: 3600, authentic: false };
}

interface Shared<T extends RecordType> {
  join(signal: AbortSignal | undefined): Promise<DnsAnswer<T>>;
}

/** One question for all who ask it; it is given up when the last of them has. */
function share<T extends RecordType>(
  start: (signal: AbortSignal) => Promise<DnsAnswer<T>>,
  onAbandoned: () => void,
): Shared<T> {
  const all = new AbortController();
  const answer = start(all.signal);
  let waiting = 0;
  // Who gave up does not hear of it.
  answer.catch(() => {});
  return {
    join(signal) {
      waiting++;
      if (signal === undefined) return answer;
      return new Promise((resolve, reject) => {
        const onAbort = () => {
          reject(signal.reason);
          if (--waiting > 0) return;
          onAbandoned();
          all.abort(signal.reason);
        };
        signal.addEventListener("abort", onAbort, { once: true });
        answer.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
      });
    },
  };
}

interface Settings extends DnsLimits {
  readonly servers: readonly DnsServer[];
  readonly clock: Clock;
}

/** Each server in turn, so many rounds; the first that says something counts. A failure is told only when nobody knew better. */
async function ask<T extends RecordType>(
  settings: Settings,
  name: string,
  type: T,
  signal: AbortSignal,
): Promise<DnsAnswer<T>> {
  const wrong = nameFault(name);
  if (wrong !== undefined) return { kind: "failed", reason: "malformed", detail: `${wrong}: ${name}` };
  let failure: DnsAnswer<T> = { kind: "failed", reason: "network", detail: "no name server is configured" };
  for (let round = 0; round < settings.tries; round++) {
    for (const server of settings.servers) {
      const answer = await askServer(settings, server, name, type, signal);
      if (answer.kind !== "failed") return answer;
      failure = answer;
    }
  }
  return failure;
}

async function askServer<T extends RecordType>(
  settings: Settings,
  server: DnsServer,
  name: string,
  type: T,
  signal: AbortSignal,
): Promise<DnsAnswer<T>> {
  const limit = deadline(settings.clock, settings.timeoutMs, `DNS query ${type} ${name} to ${server.address}`, signal);
  try {
    const ask = async (edns: boolean): Promise<Received<T>> => {
      const id = crypto.getRandomValues(new Uint16Array(1))[0]!;
      const query = encodeQuery(id, name, type, edns);
      const accept = (bytes: Uint8Array): Received<T> | undefined => decodeAnswer(bytes, id, name, type);
      const first = await askUdp(server, query, accept, limit.signal);
      return first.truncated ? await askTcp(server, query, accept, limit.signal) : first;
    };
    const first = await ask(true);
    return (first.misunderstood ? await ask(false) : first).answer;
  } catch (reason) {
    if (signal.aborted) throw signal.reason;
    const detail = reason instanceof Error ? reason.message : String(reason);
    return { kind: "failed", reason: reason instanceof DeadlineError ? "timeout" : "network", detail };
  } finally {
    limit.end();
  }
}

/** RFC 1035 §2.3.4: labels of 1 to 63 octets, 253 in all. */
function nameFault(name: string): string | undefined {
  if (name.length > 253) return "name too long";
  if (name !== "" && name.split(".").some((label) => label.length === 0 || label.length > 63)) {
    return "label of a wrong length";
  }
  return undefined;
}
