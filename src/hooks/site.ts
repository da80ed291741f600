/**
 * Destinations by name: which site a recipient domain belongs to, and how that is treated (outbound.sites.ini). What queue and delivery both go by.
 *
 * A site is a section of the table with all that matches it, counted together; a domain that no section matches is a site of its own under the
 * defaults. A domain's own section counts before a wildcard, the longer wildcard before the shorter, a section for MX hosts after both, `[*]` last.
 * A look-up never fails: what is no name of a host is a site as well.
 */
import { DEFAULT_POLICY, type SitePolicy, type SitesSettings } from "../config/sites.ts";
import { toAscii } from "../mail/address.ts";

export type { BackoffRule, SitePolicy, Source, WeightedSource } from "../config/sites.ts";

export interface Site {
  /** The section's name (`example.com`, `*.example.com`, `*`, `mx:*.example.net`), or the domain. */
  readonly name: string;
  readonly policy: SitePolicy;
}

export class SiteTable {
  /** For domains that no section matches. */
  readonly defaults: SitePolicy;
  /** There is no section at all: every domain is a site of its own. */
  readonly isPlain: boolean;
  /** Some sections go by MX hosts: without those a domain's site may be another. */
  readonly asksMx: boolean;
  readonly #byName = new Map<string, Site>();
  readonly #domains = new Patterns();
  readonly #mx = new Patterns();

  constructor({ defaults, sections }: SitesSettings) {
    this.defaults = defaults;
    for (const { name, kind, pattern, policy } of sections) {
      const site = { name, policy };
      this.#byName.set(name, site);
      (kind === "mx" ? this.#mx : this.#domains).add(pattern, site);
    }
    this.isPlain = sections.length === 0;
    this.asksMx = this.#mx.size > 0;
  }

  /** The section of that name. */
  byName(name: string): Site | undefined {
    return this.#byName.get(name);
  }

  /** The section for a recipient domain, `[*]` not among them. */
  byDomain(domain: string): Site | undefined {
    return this.#domains.find(domain);
  }

  /** The section for the first of these hosts that has one: the domain's MX hosts of the best preference, or a next hop's name. */
  byMx(hosts: readonly string[]): Site | undefined {
    for (const host of hosts) {
      const site = this.#mx.find(host) ?? this.#mx.all;
      if (site !== undefined) return site;
    }
    return undefined;
  }

  /** The site of a domain, always the same object while the table stands where a section says it; `hosts` are its MX hosts where they are known. */
  siteOf(domain: string, hosts: readonly string[] = []): Site {
    return this.byDomain(domain) ?? this.byMx(hosts) ?? this.#domains.all ?? { name: domain, policy: this.defaults };
  }
}

/** Sections by name, by suffix, and the one for all. */
class Patterns {
  readonly #exact = new Map<string, Site>();
  readonly #below = new Map<string, Site>();
  all: Site | undefined;

  get size(): number {
    return this.#exact.size + this.#below.size + (this.all === undefined ? 0 : 1);
  }

  add(pattern: string, site: Site): void {
    if (pattern === "*") this.all = site;
    else if (pattern.startsWith("*.")) this.#below.set(plain(pattern.slice(2)), site);
    else this.#exact.set(plain(pattern), site);
  }

  find(host: string): Site | undefined {
    if (this.#exact.size === 0 && this.#below.size === 0) return undefined;
    const name = plain(host);
    const exact = this.#exact.get(name);
    if (exact !== undefined || this.#below.size === 0) return exact;
    for (let dot = name.indexOf("."); dot >= 0; dot = name.indexOf(".", dot + 1)) {
      const site = this.#below.get(name.slice(dot + 1));
      if (site !== undefined) return site;
    }
    return undefined;
  }
}

// deno-lint-ignore no-control-regex
const NOT_ASCII = /[^\x00-\x7f]/;

/** A-labels, lower-case, without a dot behind. */
function plain(host: string): string {
  const lower = host.toLowerCase();
  const name = NOT_ASCII.test(lower) ? toAscii(lower) ?? lower : lower;
  return name.endsWith(".") ? name.slice(0, -1) : name;
}

/** An empty outbound.sites.ini. */
export const NO_SITES: SiteTable = new SiteTable({ defaults: DEFAULT_POLICY, sections: [] });
