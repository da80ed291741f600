/**
 * How often each zone was asked, what it said and how fast: for the log, since the start; and in Redis, where there is one, for all who share it, in
 * Haraka's hashes: `dns-list-stat:ZONE` with TOTAL, LISTED or the code of what else came (ENOTFOUND, ETIMEOUT), and AVG_RT in milliseconds.
 *
 * Numbers are worth no mail: what Redis does not take is gone, and nobody waits for it.
 */
import type { Logger, RedisLink } from "kasi";

interface StatsOptions {
  readonly log: Logger;
  readonly enabled: () => boolean;
  readonly link: () => RedisLink | undefined;
}

export class ZoneStats {
  readonly #options: StatsOptions;
  readonly #counts = new Map<string, { asked: number; listed: number; ms: number }>();
  constructor(options: StatsOptions) {
    this.#options = options;
  }

  /** `said`: LISTED, or a code. */
  note(zone: string, said: string, ms: number): void {
    const { enabled, link } = this.#options;
    const count = this.#counts.get(zone) ?? { asked: 0, listed: 0, ms: 0 };
    this.#counts.set(zone, {
      asked: count.asked + 1,
      listed: count.listed + (said === "LISTED" ? 1 : 0),
      ms: count.ms + ms,
    });
    const redis = link();
    if (enabled() && redis?.ready) keep(redis, `dns-list-stat:${zone}`, said, ms).catch(() => {});
  }

  /** One line for each zone. */
  tell(): void {
    const { enabled, log } = this.#options;
    if (!enabled()) return;
    for (const [zone, { asked, listed, ms }] of this.#counts) {
      log.info(`${zone}: ${asked} asked, ${listed} listed, ${Math.round(ms / asked)} ms`);
    }
  }
}

async function keep(redis: RedisLink, key: string, said: string, ms: number): Promise<void> {
  const [, , before] = await Promise.all([
    redis.command(["HINCRBY", key, "TOTAL", "1"]),
    redis.command(["HINCRBY", key, said, "1"]),
    redis.command(["HGET", key, "AVG_RT"]),
  ]);
  // As Haraka has it, a mean that the last ones weigh most in.
  const mean = before === null ? ms : (Number(before) + ms) / 2;
  await redis.command(["HSET", key, "AVG_RT", String(Math.round(mean))]);
}
