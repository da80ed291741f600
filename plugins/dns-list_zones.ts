/**
 * Asks zones of listed addresses (RFC 5782), and knows which of them can be believed.
 *
 * A zone is asked once it has passed its test: 127.0.0.2 must be listed and 127.0.0.1 must not (§5). One that is silent, or answers what no
 * list may, is put aside until it passes again: an expired domain that answers everything must not refuse all mail.
 */
import { type Clock, ipVersion, type Logger, type Resolver, reverseName, sleep } from "kasi";
import type { Zone } from "./dns-list_ini.ts";

/** Below so many minutes the zones are not tested again and again. */
const SHORTEST_MIN = 5;
/** Minutes until a silent zone is tested again when there are no regular tests. */
const RETEST_MIN = 30;
const LOOKUP_MS = 25_000;

/** ::ffff:127.0.0.2 and ::ffff:127.0.0.1 by nibbles. */
const V6_TEST = `.0.0.0.0.f.7.f.f.f.f${".0".repeat(20)}`;

/** Answers that say "do not ask me like this" (too many questions, a public resolver, a misspelt zone). */
const REFUSING: readonly (readonly [zone: RegExp, answer: RegExp])[] = [
  [/(?:^|\.)spamhaus\.org$/, /^127\.255\.255\.25[245]$/],
  [/^list\.dnswl\.org$/, /^127\.0\.0\.255$/],
];

export type Listing =
  | { readonly kind: "listed"; readonly answers: readonly string[] }
  | { readonly kind: "unlisted" }
  /** The zone takes no IPv6 addresses. */
  | { readonly kind: "unfit" };

interface ZonesOptions {
  readonly resolver: Resolver;
  readonly clock: Clock;
  readonly log: Logger;
}

export class Zones {
  readonly #options: ZonesOptions;
  #zones: readonly Zone[] = [];
  /** Of those that were tested, or are trusted untested. */
  readonly #standing = new Map<string, "good" | "aside">();
  readonly #counts = new Map<string, { asked: number; listed: number; ms: number }>();
  constructor(options: ZonesOptions) {
    this.#options = options;
  }

  /** Those that can be believed. */
  get active(): readonly Zone[] {
    return this.#zones.filter(({ name }) => this.#standing.get(name) === "good");
  }

  /** Takes other zones; those there were keep their standing. New ones are asked at once where `trusted` says so. */
  use(zones: readonly Zone[], trusted: boolean): void {
    const before = new Set(this.#zones.map(({ name }) => name));
    this.#zones = zones;
    for (const { name } of zones) if (trusted && !before.has(name)) this.#standing.set(name, "good");
  }

  /** Whether `ip` is listed. Nothing but an abort rejects: a zone that cannot say lists nobody. */
  async ask(zone: Zone, ip: string, signal: AbortSignal): Promise<Listing> {
    if (zone.ipv6 === false && ipVersion(ip) === 6) return { kind: "unfit" };
    const reversed = reverseName(ip)?.replace(/\.(?:in-addr|ip6)\.arpa$/, "");
    if (reversed === undefined) return { kind: "unlisted" };
    const { clock } = this.#options;
    const from = clock.monotonic();
    const answers = await this.#look(zone.name, reversed, signal) ?? [];
    const count = this.#counts.get(zone.name) ?? { asked: 0, listed: 0, ms: 0 };
    this.#counts.set(zone.name, {
      asked: count.asked + 1,
      listed: count.listed + (answers.length > 0 ? 1 : 0),
      ms: count.ms + clock.monotonic() - from,
    });
    return answers.length === 0 ? { kind: "unlisted" } : { kind: "listed", answers };
  }

  /** Tests the zones now and every so many minutes, until `signal` is aborted. Never rejects. */
  async keepTesting(minutes: () => number, stats: () => boolean, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    try {
      for (let round = 0;; round++) {
        const regular = minutes() >= SHORTEST_MIN;
        const due = regular || round === 0
          ? this.#zones
          : this.#zones.filter(({ name }) => this.#standing.get(name) !== "good");
        await Promise.all(due.map((zone) => this.#test(zone, signal)));
        if (stats()) this.#logCounts();
        await sleep(clock, (regular ? minutes() : RETEST_MIN) * 60_000, signal);
      }
    } catch (fault) {
      if (!signal.aborted) log.error(`The zones are not tested any more: ${String(fault)}`);
    }
  }

  /** A zone is believed once it has passed; until then, and while it is tested again, its standing is what it was. */
  async #test(zone: Zone, signal: AbortSignal): Promise<void> {
    const wrong = await this.#faultOf(zone, signal);
    if (wrong === undefined) this.#standing.set(zone.name, "good");
    else this.#putAside(zone.name, wrong);
  }

  async #faultOf(zone: Zone, signal: AbortSignal): Promise<string | undefined> {
    const wanted: [reversed: string, address: string, isListed: boolean][] = [
      ["2.0.0.127", "127.0.0.2", true],
      ["1.0.0.127", "127.0.0.1", false],
    ];
    if (zone.ipv6 === true) {
      wanted.push([`2.0${V6_TEST}`, "::ffff:127.0.0.2", true], [`1.0${V6_TEST}`, "::ffff:127.0.0.1", false]);
    }
    for (const [reversed, address, isListed] of wanted) {
      if (!isListed && zone.loopbackIsRejected) continue;
      const answers = await this.#look(zone.name, reversed, signal);
      if (answers === undefined) return "cannot be asked";
      if (answers.length > 0 !== isListed) return `${isListed ? "does not list" : "lists"} ${address}`;
    }
    return undefined;
  }

  /** The answers of a listing; none when it is not listed, undefined when the zone cannot say. */
  async #look(zone: string, reversed: string, signal: AbortSignal): Promise<readonly string[] | undefined> {
    const { resolver, clock, log } = this.#options;
    const late = new AbortController();
    const timer = clock.after(LOOKUP_MS, () => late.abort());
    try {
      const answer = await resolver.resolve(`${reversed}.${zone}`, "A", {
        signal: AbortSignal.any([late.signal, signal]),
      });
      if (answer.kind === "failed") {
        if (answer.reason === "timeout") this.#putAside(zone, "is silent");
        else log.error(`${zone} cannot be asked: ${answer.reason} ${answer.detail}`);
        return undefined;
      }
      if (answer.kind !== "records") return [];
      const odd = answer.records.find((ip) =>
        !ip.startsWith("127.") || REFUSING.some(([name, said]) => name.test(zone) && said.test(ip))
      );
      if (odd === undefined) return answer.records;
      this.#putAside(zone, `answers ${odd}`);
      return undefined;
    } catch (fault) {
      if (!late.signal.aborted || signal.aborted) throw fault;
      this.#putAside(zone, "is silent");
      return undefined;
    } finally {
      timer.cancel();
    }
  }

  #putAside(zone: string, reason: string): void {
    if (this.#standing.get(zone) === "aside") return;
    this.#standing.set(zone, "aside");
    this.#options.log.warn(`${zone} ${reason}: not asked until it passes its test`);
  }

  #logCounts(): void {
    for (const [zone, { asked, listed, ms }] of this.#counts) {
      this.#options.log.info(`${zone}: ${asked} asked, ${listed} listed, ${Math.round(ms / asked)} ms`);
    }
  }
}
