/** What the limits of one plugin share: the settings as they stand, the counts, how somebody is refused, and what becomes of a count that cannot be had. */
import { type Clock, defer, type Logger, type Session, sleep } from "kasi";
import { type Counts, CountTrouble } from "./limit_counts.ts";
import type { LimitSettings } from "./limit_ini.ts";
import { outboundLimits } from "./limit_outbound.ts";
import { type FoundRate, type Rates, readRates } from "./limit_rates.ts";

const RATES = ["rate_conn", "rate_rcpt_host", "rate_rcpt_sender", "rate_rcpt", "rate_rcpt_null"] as const;
export type RateName = typeof RATES[number];

/** Of a hook's event, what is needed to refuse. */
export type Asked = { readonly session: Session; readonly signal: AbortSignal };
export type Refusal = ReturnType<typeof defer>;
/** A limit by its name, and what looks at it: undefined is within. */
export type Check = readonly [limit: string, run: () => Promise<Refusal | undefined>];
export type Limits = ReturnType<typeof readLimits>;

interface DeskOptions {
  /** The plugin's. */
  readonly name: string;
  readonly clock: Clock;
  readonly limits: () => Limits;
  readonly counts: () => Counts;
}

export class Desk {
  readonly #options: DeskOptions;
  constructor(options: DeskOptions) {
    this.#options = options;
  }

  get limits(): Limits {
    return this.#options.limits();
  }
  get counts(): Counts {
    return this.#options.counts();
  }

  note({ results }: Session, found: { readonly [key: string]: unknown }): void {
    results.add(this.#options.name, found);
  }

  async refuse(
    { session, signal }: Asked,
    limit: string,
    text: string,
    { close }: { close: boolean },
  ): Promise<Refusal> {
    this.note(session, { fail: limit });
    const { tarpit_delay } = this.limits.ini.main;
    if (tarpit_delay > 0) await sleep(this.#options.clock, tarpit_delay * 1000, signal);
    // RFC 5321 §3.8: 421 is the code of a server that closes.
    return close ? defer(text, { code: 421, hangUp: true }) : defer(text);
  }

  /** The first refusal; a limit whose count cannot be had refuses nobody, unless `on_error` says so. */
  async firstOf({ session }: Asked, checks: readonly Check[]): Promise<Refusal | undefined> {
    for (const [limit, run] of checks) {
      try {
        const refusal = await run();
        if (refusal !== undefined) return refusal;
      } catch (fault) {
        if (!(fault instanceof CountTrouble)) throw fault;
        this.note(session, { err: `${limit}: ${fault.message}` });
        if (this.limits.ini.main.on_error === "defer") return defer("Local trouble, try again later");
      }
    }
  }

  /** Whether what is counted is over the rate; undefined where none holds. Rejects with CountTrouble. */
  async isOver(
    of: RateName,
    session: Session,
    found: FoundRate | undefined,
    count: (key: string, seconds: number) => Promise<number>,
  ): Promise<boolean | undefined> {
    if (found === undefined || found.rate.limit === 0) return undefined;
    const { key, rate } = found;
    if (rate.limit === undefined) return void this.note(session, { err: `${of}: syntax: ${key}=${rate.text}` });
    const counted = await count(key, rate.seconds);
    this.note(session, { [of]: `${key}:${counted}:${rate.text}` });
    return counted > rate.limit;
  }
}

/** What limit.ini comes to; rates that cannot be read are told to the log. */
export function readLimits(ini: LimitSettings, log: Logger) {
  const complain = (section: string) => (key: string, text: string) =>
    log.error(`limit.ini: [${section}] ${key}=${text} is no limit; wanted: number/time such as 50/5m; passed over`);
  const by = Object.fromEntries(RATES.map((of) => [of, readRates(ini[of], complain(of))])) as {
    readonly [R in RateName]: Rates;
  };
  const outbound = outboundLimits(ini, complain);
  /** Whether anything is counted beyond one connection. */
  const counts = ini.concurrency.enabled || outbound.running.enabled || outbound.rates.enabled ||
    Object.values(by).some(({ enabled }) => enabled);
  const any = counts || ini.recipients.enabled || ini.errors.enabled || ini.unrecognized_commands.enabled;
  return { ini, by, outbound, counts, any };
}

/** What a client's history gives it; undefined where there is none, or nobody asks for it. */
export function byHistory<T>(
  { results }: Session,
  section: { readonly enabled: boolean; readonly plugin: string; readonly good: T; readonly bad: T; readonly none: T },
): T | undefined {
  if (!section.enabled) return undefined;
  const history = Number(results.get(section.plugin)?.history);
  if (Number.isNaN(history)) return undefined;
  return history > 0 ? section.good : history < 0 ? section.bad : section.none;
}
