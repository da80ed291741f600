/**
 * Limits for mail that goes out to a domain: deliveries at a time (`[outbound]`), and in a time (`[rate_outbound]`). What is over waits, which is no failure.
 *
 * A delivery counts from its begin until its outcome is told. Whatever cannot be counted goes out.
 */
import { answer, type Clock, type HookTable, type Item } from "kasi";
import { type Counts, CountTrouble } from "./limit_counts.ts";
import type { LimitSettings } from "./limit_ini.ts";
import { domainKeys, findRate, isYes, type Rates, readRates } from "./limit_rates.ts";

/** A delivery whose outcome nobody told by then is over: the operator may have taken it out. */
const LONGEST_MS = 3_600_000;
/** Seconds. */
const DEFAULT_DELAY = 30;

export interface OutboundLimits {
  readonly running: {
    readonly enabled: boolean;
    readonly by: ReadonlyMap<string, number>;
    /** Seconds. */
    readonly delay: number;
  };
  readonly rates: Rates;
}

export function outboundLimits(
  { outbound, rate_outbound }: LimitSettings,
  complain: (section: string) => (key: string, text: string) => void,
): OutboundLimits {
  const { enabled, delay = String(DEFAULT_DELAY), ...listed } = outbound;
  const by = new Map<string, number>();
  for (const [domain, text = ""] of Object.entries(listed)) {
    if (/^\d{1,9}$/.test(text)) by.set(domain.toLowerCase(), Number(text));
    else complain("outbound")(domain, text);
  }
  const isDelay = /^\d{1,6}$/.test(delay) && Number(delay) > 0;
  if (!isDelay) complain("outbound")("delay", delay);
  return {
    running: {
      enabled: "enabled" in outbound && isYes(enabled ?? "true"),
      by,
      delay: isDelay ? Number(delay) : DEFAULT_DELAY,
    },
    rates: readRates(rate_outbound, complain("rate_outbound")),
  };
}

export function limitOutbound(limits: () => OutboundLimits, counts: () => Counts, clock: Clock): HookTable {
  /** Item → domain it counts for, and since when; oldest first. */
  const counted = new Map<string, { readonly domain: string; readonly since: number }>();

  const over = async (id: string): Promise<undefined> => {
    const { domain } = counted.get(id)!;
    counted.delete(id);
    await counts().leave("outbound", domain);
  };
  const settled = ({ item }: { readonly item: Item }) =>
    counted.has(item.id) ? quietly(item, () => over(item.id)) : undefined;

  /** Answers with seconds to wait, where the item must. */
  const decide = async (item: Item) => {
    const { running, rates } = limits();
    const domain = item.domain.toLowerCase();
    for (const [id, { since }] of counted) {
      if (clock.monotonic() - since < LONGEST_MS) break;
      await over(id);
    }
    if (counted.has(item.id)) await over(item.id);
    const most = running.enabled ? running.by.get(domain) : undefined;
    if (most !== undefined && most > 0) {
      const count = await counts().enter("outbound", domain, most);
      counted.set(item.id, { domain, since: clock.monotonic() });
      if (count > most) {
        await over(item.id);
        return answer(running.delay);
      }
    }
    const found = rates.enabled ? findRate(rates, domainKeys(domain), domain) : undefined;
    if (found?.rate.limit === undefined || found.rate.limit === 0) return undefined;
    const { limit, seconds } = found.rate;
    if (await counts().hit("rate_outbound", found.key, seconds) <= limit) return undefined;
    if (counted.has(item.id)) await over(item.id);
    return answer(seconds);
  };

  return {
    // Last: who delays it before is not to be counted.
    send_email: {
      priority: 100,
      run({ item }) {
        const { running, rates } = limits();
        if (!running.enabled && !rates.enabled) return undefined;
        return quietly(item, () => decide(item));
      },
    },
    delivered: settled,
    // First: another plugin may end these.
    deferred: { priority: -100, run: settled },
    bounce: { priority: -100, run: settled },
  };
}

async function quietly<T>(item: Item, run: () => Promise<T>): Promise<T | undefined> {
  try {
    return await run();
  } catch (fault) {
    if (!(fault instanceof CountTrouble)) throw fault;
    item.log.error(`limit: deliveries to ${item.domain} are not counted: ${fault.message}`);
    return undefined;
  }
}
