/**
 * TLS towards a next hop: one door through which every decision about it goes.
 *
 * Everybody with a say (the envelope, tls.ini, the next hop, its site; published policies by {@linkcode TlsSource}) is asked, and the strictest counts.
 * `opportunistic` takes STARTTLS where offered, with any certificate, and a host whose TLS turned out broken is spoken to in plain until the memory of
 * it ends. `required` verifies or defers and never falls back. `secured` wants besides that the host's name is sure.
 */
import type { Clock } from "../base/clock.ts";
import { type ExpiringMemory, ProcessMemory } from "../base/expiring_memory.ts";
import type { Envelope } from "../hooks/outbound.ts";
import type { SitePolicy } from "../hooks/site.ts";
import type { Fact, Finding } from "./finding.ts";
import { isListed } from "./host_list.ts";
import type { DeliverySettings } from "./settings.ts";
import type { Target } from "./target.ts";

/** What a connection goes by. */
export type TlsPolicy = "none" | "opportunistic" | "required";

type TlsSettings = Pick<
  DeliverySettings,
  "enableTls" | "forceTlsHosts" | "noTlsHosts" | "verifyAlways" | "rememberBrokenTls" | "brokenTlsMs"
>;

export interface TlsQuestion {
  readonly target: Target;
  /** The recipients'; "" where mail goes to a next hop for whomever it is. */
  readonly domain: string;
  readonly envelope: Pick<Envelope, "sender" | "wanted" | "notes">;
  readonly site?: Pick<SitePolicy, "tls"> | undefined;
  readonly settings: TlsSettings;
}

type Senders = Pick<Envelope, "sender" | "wanted">;

/** What may be demanded, the weakest first. */
const DEMANDS = ["required", "secured"] as const;
export type TlsDemand = typeof DEMANDS[number];

/** Somebody who may demand TLS of a host: MTA-STS (RFC 8461) and DANE (RFC 7672) are to be such. Undefined: no demand. Never rejects but on abort. */
export type TlsSource = (question: TlsQuestion) => TlsDemand | undefined | Promise<TlsDemand | undefined>;

/** How to go there; or why not at all. */
export type TlsAnswer = { readonly tls: TlsPolicy } | { readonly refused: Finding };

/** Those who are always asked. Their order does not matter. */
const OWN: readonly ((question: TlsQuestion) => TlsDemand | undefined)[] = [
  ({ envelope }) => needsSecrecy(envelope) ? "secured" : undefined,
  // Haraka's `todo.force_tls`; upstream stores it and forgets it.
  ({ envelope: { notes } }) => notes.force_tls === true ? "required" : undefined,
  ({ target: { destination } }) => destination.tls === "required" ? "required" : undefined,
  ({ site }) => site?.tls === "required" ? "required" : undefined,
  ({ settings, target: { address, name }, domain }) =>
    isListed(settings.forceTlsHosts, address, name, domain) ? "required" : undefined,
  (question) => question.settings.verifyAlways && wish(question) !== "none" ? "required" : undefined,
];

export class TlsDoor {
  readonly #broken: ExpiringMemory;
  readonly #sources: readonly TlsSource[];

  /** `broken` remembers hosts; `sources` are asked besides our own settings. */
  constructor(clock: Clock, broken: ExpiringMemory = new ProcessMemory(clock), sources: readonly TlsSource[] = []) {
    this.#broken = broken;
    this.#sources = sources;
  }

  /** A promise only where somebody elsewhere has to be asked. */
  ask(question: TlsQuestion): TlsAnswer | Promise<TlsAnswer> {
    const own = OWN.map((source) => source(question));
    if (this.#sources.length === 0) return this.#answer(question, strictest(own));
    return Promise.all(this.#sources.map((source) => source(question)))
      .then((others) => this.#answer(question, strictest([...own, ...others])));
  }

  /** Remembers that TLS with this host failed. */
  markBroken(target: Target, settings: TlsSettings): void {
    if (settings.rememberBrokenTls) this.#broken.add(hostOf(target), settings.brokenTlsMs);
  }

  #answer(question: TlsQuestion, demand: TlsDemand | undefined): TlsAnswer | Promise<TlsAnswer> {
    const { target, settings } = question;
    if (demand === "secured" && !target.authentic) return { refused: { kind: "unprotected", detail: UNSIGNED } };
    if (demand !== undefined) return settings.enableTls ? REQUIRED : { refused: { kind: "tls-missing" } };
    if (wish(question) === "none") return NONE;
    if (!settings.rememberBrokenTls) return OPPORTUNISTIC;
    const broken = this.#broken.has(hostOf(target));
    const known = (isBroken: boolean): TlsAnswer => isBroken ? NONE : OPPORTUNISTIC;
    return broken instanceof Promise ? broken.then(known) : known(broken);
  }
}

/** RFC 8689 §4.2.1: over verified TLS, to a host whose name is sure, or not at all; reports go as they can (§5). */
function needsSecrecy({ wanted, sender }: Senders): boolean {
  return wanted?.requireTls === true && !sender.isNull();
}

/** RFC 8689 §4.2.1: no TLS to be had is then a word on the message, not a fault that may pass. */
export function inTermsOf(envelope: Senders, fact: Fact, host: string): Fact {
  if (fact.finding.kind !== "tls-missing" || !needsSecrecy(envelope)) return fact;
  return { stage: fact.stage, finding: { kind: "unprotected", detail: `${host} offers no TLS` } };
}

/** What is done where nobody demands anything: the closer word counts. */
function wish(
  { target: { destination, address, name }, domain, site, settings }: TlsQuestion,
): "none" | "opportunistic" {
  const wanted = destination.tls ?? site?.tls ?? (settings.enableTls ? "opportunistic" : "none");
  return wanted === "none" || isListed(settings.noTlsHosts, address, name, domain) ? "none" : "opportunistic";
}

function strictest(demands: readonly (TlsDemand | undefined)[]): TlsDemand | undefined {
  return DEMANDS.findLast((demand) => demands.includes(demand));
}

const UNSIGNED = "the DNS does not say with a signature where the mail goes";
const NONE: TlsAnswer = { tls: "none" };
const OPPORTUNISTIC: TlsAnswer = { tls: "opportunistic" };
const REQUIRED: TlsAnswer = { tls: "required" };

function hostOf({ destination, address }: Target): string {
  return destination.path ?? `${address ?? destination.host}:${destination.port}`;
}
