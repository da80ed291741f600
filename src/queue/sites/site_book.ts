/**
 * What is known of all sites: how each stands (`site_state.ts`), told to the log when it changes, and the operator's suspensions, kept over restarts.
 *
 * What is well and idle is forgotten when there are too many; it begins anew then.
 */
import type { Clock } from "../../base/clock.ts";
import type { Site } from "../../hooks/site.ts";
import type { Logger } from "../../log/types.ts";
import type { Heard } from "./heard.ts";
import { SiteState, type Suspension } from "./site_state.ts";
import type { SuspensionFile } from "./suspension_file.ts";

export interface BookOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** From 0 up to 1, for jitter. */
  readonly random?: () => number;
  /** Without it suspensions end with the process. */
  readonly file?: SuspensionFile | undefined;
}

const MOST_KNOWN = 50_000;

export class SiteBook {
  readonly #options: BookOptions;
  readonly #states = new Map<string, SiteState>();
  /** Of sites that nothing was sent to yet as well. */
  readonly #suspensions: Map<string, Suspension>;
  readonly #random: () => number;

  constructor(options: BookOptions) {
    this.#options = options;
    this.#random = options.random ?? Math.random;
    this.#suspensions = options.file?.read() ?? new Map();
  }

  /** The site's state, under its present policy. */
  state(site: Site): SiteState {
    let state = this.#states.get(site.name);
    if (state !== undefined) {
      state.policy = site.policy;
      return state;
    }
    if (this.#states.size >= MOST_KNOWN) this.#forget();
    state = new SiteState(site.name, site.policy, this.#random);
    state.suspension = this.#suspensions.get(site.name);
    this.#states.set(site.name, state);
    return state;
  }

  /** What is known of a site, if it was ever met. */
  known(name: string): SiteState | undefined {
    return this.#states.get(name);
  }

  /** Those that are not simply well. */
  troubled(): SiteState[] {
    return [...this.#states.values()].filter((state) => !state.isPlain);
  }

  heard(state: SiteState, heard: Heard, epoch: number): void {
    const { clock, log } = this.#options;
    const now = clock.now();
    const change = state.heard(heard, epoch, now);
    if (change === undefined) return;
    const site = state.name;
    switch (change.kind) {
      case "rests": {
        const { by, reason, until } = change.rest;
        return log.event("site_rests", { site, by, seconds: Math.round((until - now) / 1000), err: reason });
      }
      case "slow": {
        const { level, forMs, rule, reason } = change;
        return log.event("site_slow", { site, level, seconds: Math.round(forMs / 1000), rule, err: reason });
      }
      case "recovered":
        return log.event("site_recovered", { site });
    }
  }

  /** The operator's word. */
  suspend(site: Site, suspension: Suspension): void {
    this.state(site).suspend(suspension);
    this.#suspensions.set(site.name, suspension);
    this.#options.file?.write(this.#suspensions);
    const { reason, until, since } = suspension;
    const seconds = until === undefined ? -1 : Math.round((until - since) / 1000);
    this.#options.log.event("site_suspended", { site: site.name, seconds, reason });
  }

  /** False when nothing kept it back. */
  resume(name: string): boolean {
    const was = this.#states.get(name)?.resume() ?? false;
    const suspended = this.#suspensions.delete(name);
    if (suspended) this.#options.file?.write(this.#suspensions);
    if (was || suspended) this.#options.log.event("site_resumed", { site: name });
    return was || suspended;
  }

  /** Those that were suspended, also when nothing was sent to them since. */
  suspended(): ReadonlyMap<string, Suspension> {
    const now = this.#options.clock.now();
    for (const [name, { until = Infinity }] of this.#suspensions) if (until <= now) this.#suspensions.delete(name);
    return this.#suspensions;
  }

  #forget(): void {
    for (const [name, state] of this.#states) {
      if (this.#states.size <= MOST_KNOWN * 0.9) return;
      if (state.isPlain && state.policy.rate === undefined) this.#states.delete(name);
    }
    // All of them troubled, or with rates: the oldest go.
    for (const name of this.#states.keys()) {
      if (this.#states.size <= MOST_KNOWN) return;
      this.#states.delete(name);
    }
  }
}
