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

/** As Node names them, and Haraka's statistics with it. */
const CODES: { readonly [reason: string]: string } = { timeout: "ETIMEOUT", network: "ECONNREFUSED" };

export type Listing =
  | { readonly kind: "listed"; readonly answers: readonly string[] }
  | { readonly kind: "unlisted" }
  /** The zone takes no IPv6 addresses. */
  | { readonly kind: "unfit" };

interface ZonesOptions {
  readonly resolver: Resolver;
  readonly clock: Clock;
  readonly log: Logger;
  /** Told of each question about a client. */
  readonly stats: { note(zone: string, said: string, ms: number): void; tell(): void };
}
/** What came of a question: undefined where the zone cannot say, none where it lists nobody; and a word for it. */
interface Looked {
  readonly answers: readonly string[] | undefined;
  readonly said: string;
}

export class Zones {
  readonly #options: ZonesOptions;
  #zones: readonly Zone[] = [];
  /** Of those that were tested, or are trusted untested. */
  readonly #standing = new Map<string, "good" | "aside">();
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
    const { clock, stats } = this.#options;
    const from = clock.monotonic();
    const { answers = [], said } = await this.#look(zone.name, reversed, signal);
    stats.note(zone.name, said, clock.monotonic() - from);
    return answers.length === 0 ? { kind: "unlisted" } : { kind: "listed", answers };
  }

  /** Tests the zones now and every so many minutes, until `signal` is aborted. Never rejects. */
  async keepTesting(minutes: () => number, signal: AbortSignal): Promise<void> {
    const { clock, log, stats } = this.#options;
    try {
      for (let round = 0;; round++) {
        const regular = minutes() >= SHORTEST_MIN;
        const due = regular || round === 0
          ? this.#zones
          : this.#zones.filter(({ name }) => this.#standing.get(name) !== "good");
        await Promise.all(due.map((zone) => this.#test(zone, signal)));
        stats.tell();
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
      const { answers } = await this.#look(zone.name, reversed, signal);
      if (answers === undefined) return "cannot be asked";
      if (answers.length > 0 !== isListed) return `${isListed ? "does not list" : "lists"} ${address}`;
    }
    return undefined;
  }

  async #look(zone: string, reversed: string, signal: AbortSignal): Promise<Looked> {
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
        return { answers: undefined, said: CODES[answer.reason] ?? `E${answer.reason.toUpperCase()}` };
      }
      if (answer.kind !== "records") return { answers: [], said: "ENOTFOUND" };
      const odd = answer.records.find((ip) =>
        !ip.startsWith("127.") || REFUSING.some(([name, said]) => name.test(zone) && said.test(ip))
      );
      if (odd === undefined) return { answers: answer.records, said: "LISTED" };
      this.#putAside(zone, `answers ${odd}`);
      return { answers: undefined, said: "LISTED" };
    } catch (fault) {
      if (!late.signal.aborted || signal.aborted) throw fault;
      this.#putAside(zone, "is silent");
      return { answers: undefined, said: CODES.timeout! };
    } finally {
      timer.cancel();
    }
  }

  #putAside(zone: string, reason: string): void {
    if (this.#standing.get(zone) === "aside") return;
    this.#standing.set(zone, "aside");
    this.#options.log.warn(`${zone} ${reason}: not asked until it passes its test`);
  }
}
