/**
 * TLS towards a next hop: one door through which every decision about it goes.
 *
 * `opportunistic` takes STARTTLS where offered, with any certificate, and a host whose TLS turned out broken is spoken to in plain
 * until the memory of it ends. `required` verifies or defers and never falls back. `impossible`: it is required and switched off.
 */
import type { Clock } from "../base/clock.ts";
import { type ExpiringMemory, ProcessMemory } from "../base/expiring_memory.ts";
import { isListed } from "./host_list.ts";
import type { DeliverySettings } from "./settings.ts";
import type { Target } from "./target.ts";

export type TlsPolicy = "none" | "opportunistic" | "required" | "impossible";

type TlsSettings = Pick<
  DeliverySettings,
  "enableTls" | "forceTlsHosts" | "noTlsHosts" | "verifyAlways" | "rememberBrokenTls" | "brokenTlsMs"
>;

export class TlsMemory {
  readonly #broken: ExpiringMemory;

  constructor(clock: Clock, broken: ExpiringMemory = new ProcessMemory(clock)) {
    this.#broken = broken;
  }

  /** What holds for `target` when mail for `domain` goes there. A promise only where the memory is kept elsewhere. */
  policy(target: Target, domain: string, settings: TlsSettings): TlsPolicy | Promise<TlsPolicy> {
    const { destination, name, address } = target;
    if (destination.tls === "required" || isListed(settings.forceTlsHosts, address, name, domain)) {
      return settings.enableTls ? "required" : "impossible";
    }
    const wanted = destination.tls ?? (settings.enableTls ? "opportunistic" : "none");
    if (wanted === "none" || isListed(settings.noTlsHosts, address, name, domain)) return "none";
    if (settings.verifyAlways) return "required";
    if (!settings.rememberBrokenTls) return wanted;
    const broken = this.#broken.has(hostOf(target));
    const known = (isBroken: boolean): TlsPolicy => isBroken ? "none" : wanted;
    return broken instanceof Promise ? broken.then(known) : known(broken);
  }

  /** Remembers that TLS with this host failed. */
  markBroken(target: Target, settings: TlsSettings): void {
    if (settings.rememberBrokenTls) this.#broken.add(hostOf(target), settings.brokenTlsMs);
  }
}

function hostOf({ destination, address }: Target): string {
  return destination.path ?? `${address ?? destination.host}:${destination.port}`;
}
