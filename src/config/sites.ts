/**
 * From outbound.sites.ini to a policy for each site. `hooks/site.ts` looks them up.
 *
 * Throws ConfigError, with file and line, for what can't be understood: a rate, a time, a pattern, a name of no source or back-off, a section that is
 * neither a domain nor an MX host.
 */
import { ConfigError } from "../base/config_error.ts";
import { ipVersion } from "../base/ip.ts";
import { parseDuration, parseRate, type Rate, WANTED_DURATION, WANTED_RATE } from "./amounts.ts";
import { placeOf } from "./apply_shape.ts";
import type { OUTBOUND_SITES_INI } from "./files/outbound_sites_ini.ts";
import { parseIntervals } from "./intervals.ts";
import { nearestName } from "./nearest.ts";
import type { FileShape, Settings } from "./shape.ts";

/** An address of ours to send from. */
export interface Source {
  readonly name: string;
  readonly v4?: string;
  readonly v6?: string;
  /** What we call ourselves there; absent: the server's name. */
  readonly helo?: string;
}

export interface WeightedSource extends Source {
  /** How often it is used, in proportion to the others' weights. */
  readonly weight: number;
}

/** What a reply of the peer makes us do. */
export interface BackoffRule {
  readonly name: string;
  /** Told the reply as one line: code, enhanced status, text. */
  readonly matches: (reply: string) => boolean;
  readonly action: "slow" | "rest" | "ignore";
  readonly forMs: number;
  readonly maxMs: number;
}

/** How one site is treated. What is absent is as outbound.ini and tls.ini say. */
export interface SitePolicy {
  /** Deliveries at one time, over all workers. */
  readonly connections: number;
  readonly messagesPerConnection: number;
  /** Messages, over all workers. */
  readonly rate?: Rate;
  /** Waits between attempts; a failure beyond the last one bounces. */
  readonly retryMs?: readonly number[];
  /** What is older bounces. */
  readonly expireMs?: number;
  readonly tls?: "none" | "opportunistic" | "required";
  /** Empty: the system's choice. */
  readonly sources: readonly WeightedSource[];
  /** Attempts in a row that reached no host, after which the site rests; 0: never. */
  readonly breaker: number;
  readonly breakerRestMs: number;
  readonly breakerRestMaxMs: number;
  /** The first that matches counts. */
  readonly backoff: readonly BackoffRule[];
}

/** One section: what it is for, and how that is treated. */
export interface SiteSection {
  /** The section's name, which is the site's: `example.com`, `*.example.com`, `*`, `mx:*.example.net`. Lower-case. */
  readonly name: string;
  readonly kind: "domain" | "mx";
  /** A host name, `*.` and one, or `*`. */
  readonly pattern: string;
  readonly policy: SitePolicy;
}

export interface SitesSettings {
  readonly defaults: SitePolicy;
  /** In the order of the file. */
  readonly sections: readonly SiteSection[];
}

const FILE = "outbound.sites.ini";
type Ini = typeof OUTBOUND_SITES_INI extends FileShape<infer S> ? Settings<S> : never;
type SiteKeys = Ini["main"];

/** What the names `greylisting` and `slow` mean where no section says it. */
const BUILT_IN: readonly BackoffRule[] = [
  rule("greylisting", [/gr[ae]y-?\s?list/i], "ignore", 300_000, 3_600_000),
  rule("slow", [/^421\b/, /^4\d\d 4\.7\.\d/], "slow", 300_000, 3_600_000),
];

/** Host names in letters of any script, `*.` before one, or `*` alone. */
const PATTERN = /^(?:\*|(?:\*\.)?[\p{L}\p{N}_](?:[\p{L}\p{N}\p{M}_-]*)(?:\.[\p{L}\p{N}\p{M}_-]+)*)$/iu;

export function sitesSettings(ini: Ini): SitesSettings {
  const sources = sourcesOf(ini["source *"]);
  const rules = rulesOf(ini["backoff *"]);
  const policy = (section: string, own: Partial<SiteKeys>) => policyOf(section, ini.main, own, { sources, rules });
  return {
    defaults: policy("main", ini.main),
    sections: Object.entries(ini["*"]).map(([name, own]) => ({ ...formOf(name, own), policy: policy(name, own) })),
  };
}

/** An empty file's. */
export const DEFAULT_POLICY: SitePolicy = {
  connections: 20,
  messagesPerConnection: 1000,
  sources: [],
  breaker: 5,
  breakerRestMs: 60_000,
  breakerRestMaxMs: 3_600_000,
  backoff: BUILT_IN,
};

function formOf(name: string, section: object): Pick<SiteSection, "name" | "kind" | "pattern"> {
  const lower = name.toLowerCase();
  const isMx = lower.startsWith("mx:");
  const pattern = isMx ? lower.slice(3).trim() : lower;
  if (!PATTERN.test(pattern)) {
    const wanted =
      "a section [main], [a domain], [*.domain], [*], [mx:host], [mx:*.domain], [source name] or [backoff name]";
    throw new ConfigError({ file: FILE, ...placeOf(section, ""), setting: `[${name}]`, wanted });
  }
  return { name: isMx ? `mx:${pattern}` : pattern, kind: isMx ? "mx" : "domain", pattern };
}

interface Names {
  readonly sources: ReadonlyMap<string, Source>;
  readonly rules: ReadonlyMap<string, BackoffRule>;
}

/** The section's own word, else that of [main]. */
function policyOf(name: string, main: SiteKeys, own: Partial<SiteKeys>, { sources, rules }: Names): SitePolicy {
  /** What a text says, read where it stands. */
  function read<K extends keyof SiteKeys, T>(key: K, parse: (text: NonNullable<SiteKeys[K]>) => T): T | undefined {
    const owner = own[key] === undefined ? main : own;
    const value = owner[key] as SiteKeys[K] | undefined;
    if (value === undefined) return undefined;
    try {
      return parse(value as NonNullable<SiteKeys[K]>);
    } catch (cause) {
      if (!(cause instanceof Wrong)) throw cause;
      throw faultIn(owner, owner === own ? name : "main", key, [value].flat().join(", "), cause);
    }
  }
  const breaker = {
    breakerRestMs: read("breaker_rest", duration)!,
    breakerRestMaxMs: read("breaker_rest_max", duration)!,
  };
  const rate = read("rate", (text) => isNone(text) ? undefined : parseRate(text) ?? wrong(WANTED_RATE));
  const retryMs = read("retry", retry);
  const expireMs = read("expire", (text) => isNone(text) ? undefined : duration(text));
  const tls = read("tls", (word) => word === "default" ? undefined : word);
  return {
    connections: own.connections ?? main.connections,
    messagesPerConnection: own.messages_per_connection ?? main.messages_per_connection,
    ...(rate === undefined ? {} : { rate }),
    ...(retryMs === undefined ? {} : { retryMs }),
    ...(expireMs === undefined ? {} : { expireMs }),
    ...(tls === undefined ? {} : { tls }),
    sources: read("sources", (words) => words.filter((word) => !isNone(word)).map((word) => weighted(word, sources)))!,
    breaker: own.breaker ?? main.breaker,
    ...breaker,
    backoff: read("backoff", (words) => {
      return words.filter((word) => !isNone(word)).map((word) =>
        rules.get(word) ?? wrong("the name of a [backoff …] section", nearestName(word, [...rules.keys()]))
      );
    })!,
  };
}

const isNone = (text: string) => text.toLowerCase() === "none";

function retry(text: string): readonly number[] | undefined {
  if (text.toLowerCase() === "default") return undefined;
  const parsed = parseIntervals(text);
  return parsed.kind === "bad" ? wrong(parsed.wanted) : parsed.seconds.map((each) => each * 1000);
}

function duration(text: string): number {
  return parseDuration(text) ?? wrong(WANTED_DURATION);
}

function weighted(word: string, sources: ReadonlyMap<string, Source>): WeightedSource {
  const [, name, weight] = /^(.*?)(?:\*(\d{1,4}))?$/.exec(word)!;
  const source = sources.get(name!);
  if (source === undefined) return wrong("the name of a [source …] section", nearestName(name!, [...sources.keys()]));
  return { ...source, weight: weight === undefined ? 1 : Math.max(1, Number(weight)) };
}

function sourcesOf(sections: Ini["source *"]): ReadonlyMap<string, Source> {
  const sources = new Map<string, Source>();
  for (const [name, section] of Object.entries(sections)) {
    const fault = (wanted: string) =>
      faultIn(section, `source ${name}`, "address", section.address?.join(", "), new Wrong(wanted));
    const v4 = section.address?.filter((ip) => ipVersion(ip) === 4) ?? [];
    const v6 = section.address?.filter((ip) => ipVersion(ip) === 6) ?? [];
    if (
      v4.length + v6.length === 0 || v4.length + v6.length < section.address!.length || v4.length > 1 || v6.length > 1
    ) {
      throw fault("an IPv4 address, an IPv6 address, or one of each");
    }
    sources.set(name, {
      name,
      ...(v4[0] === undefined ? {} : { v4: v4[0] }),
      ...(v6[0] === undefined ? {} : { v6: v6[0] }),
      ...(section.helo === undefined ? {} : { helo: section.helo }),
    });
  }
  return sources;
}

function rulesOf(sections: Ini["backoff *"]): ReadonlyMap<string, BackoffRule> {
  const rules = new Map(BUILT_IN.map((each) => [each.name, each]));
  for (const [name, section] of Object.entries(sections)) {
    const read = <T>(key: "when" | "for" | "max", parse: () => T): T => {
      try {
        return parse();
      } catch (cause) {
        if (!(cause instanceof Wrong)) throw cause;
        throw faultIn(section, `backoff ${name}`, key, [section[key] ?? []].flat().join(", "), cause);
      }
    };
    const patterns = read("when", () => (section.when ?? []).map(pattern));
    if (patterns.length === 0) read("when", () => wrong("a part of a reply's text, or /a regular expression/"));
    const forMs = read("for", () => duration(section.for ?? "5m"));
    const maxMs = read("max", () => duration(section.max ?? "1h"));
    rules.set(name, rule(name, patterns, section.do ?? "slow", forMs, Math.max(forMs, maxMs)));
  }
  return rules;
}

function rule(
  name: string,
  patterns: readonly (string | RegExp)[],
  action: BackoffRule["action"],
  forMs: number,
  maxMs: number,
): BackoffRule {
  const matches = (reply: string) => {
    const lower = reply.toLowerCase();
    return patterns.some((each) => typeof each === "string" ? lower.includes(each) : each.test(reply));
  };
  return { name, matches, action, forMs, maxMs };
}

function pattern(text: string): string | RegExp {
  const regex = /^\/(.+)\/(i?)$/.exec(text);
  if (regex === null) return text === "" ? wrong("a part of a reply's text") : text.toLowerCase();
  try {
    return new RegExp(regex[1]!, `${regex[2]}u`);
  } catch (cause) {
    return wrong(`a regular expression (${cause instanceof Error ? cause.message : cause})`);
  }
}

/** What would be right; becomes a ConfigError where it is known whose word it was. */
class Wrong extends Error {
  override readonly name = "Wrong";
  readonly nearest: string | undefined;
  constructor(wanted: string, nearest?: string) {
    super(wanted);
    this.nearest = nearest;
  }
}

function wrong(wanted: string, nearest?: string): never {
  throw new Wrong(wanted, nearest);
}

function faultIn(section: object, name: string, key: string, current: string | undefined, cause: Wrong): ConfigError {
  return new ConfigError({
    file: FILE,
    ...placeOf(section, key),
    setting: `[${name}] ${key}`,
    ...(current === undefined ? {} : { current }),
    wanted: cause.message,
    ...(cause.nearest === undefined ? {} : { nearest: cause.nearest }),
  });
}
