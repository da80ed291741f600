/**
 * TLS towards a next hop: one door through which every decision about it goes.
 *
 * `opportunistic` takes STARTTLS where offered, with any certificate, and a host whose TLS turned out broken is spoken to in plain
 * until the memory of it ends. `required` verifies or defers and never falls back. `impossible`: it is required and switched off.
 */
import type { Clock } from "../base/clock.ts";
import { isListed } from "./host_list.ts";
import type { DeliverySettings } from "./settings.ts";
import type { Target } from "./target.ts";

export type TlsPolicy = "none" | "opportunistic" | "required" | "impossible";

type TlsSettings = Pick<
  DeliverySettings,
  "enableTls" | "forceTlsHosts" | "noTlsHosts" | "rememberBrokenTls" | "brokenTlsMs"
>;

export class TlsMemory {
  readonly #clock: Clock;
  /** Host → monotonic moment at which it is forgotten. */
  readonly #broken = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What holds for `target` when mail for `domain` goes there. */
  policy(target: Target, domain: string, settings: TlsSettings): TlsPolicy {
    const { destination, name, address } = target;
    if (destination.tls === "required" || isListed(settings.forceTlsHosts, address, name, domain)) {
      return settings.enableTls ? "required" : "impossible";
    }
    const wanted = destination.tls ?? (settings.enableTls ? "opportunistic" : "none");
    if (wanted === "none" || isListed(settings.noTlsHosts, address, name, domain)) return "none";
    return this.#broken.size > 0 && this.#isBroken(hostOf(target)) ? "none" : wanted;
  }

  /** Remembers that TLS with this host failed. */
  markBroken(target: Target, settings: TlsSettings): void {
    if (!settings.rememberBrokenTls) return;
    if (this.#broken.size >= MOST_REMEMBERED) this.#broken.delete(this.#broken.keys().next().value!);
    this.#broken.set(hostOf(target), this.#clock.monotonic() + settings.brokenTlsMs);
  }

  #isBroken(host: string): boolean {
    const until = this.#broken.get(host);
    if (until === undefined) return false;
    if (until > this.#clock.monotonic()) return true;
    this.#broken.delete(host);
    return false;
  }
}

/** The oldest is forgotten first. */
const MOST_REMEMBERED = 10_000;

function hostOf({ destination, address }: Target): string {
  return destination.path ?? `${address ?? destination.host}:${destination.port}`;
}
