/**
 * Hosts and clients whose TLS turned out broken, remembered here and, where there is a Redis server, by all servers that share it.
 *
 * Keys are `no_tls|KEY` with the date as value, as Haraka has them. Without an answer from Redis what this process knows counts.
 */
import type { Clock } from "../base/clock.ts";
import { type ExpiringMemory, ProcessMemory } from "../base/expiring_memory.ts";
import type { RedisLink } from "../host/types.ts";
import type { Logger } from "../log/types.ts";

export class SharedTlsMemory implements ExpiringMemory {
  readonly #here: ProcessMemory;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #link: () => RedisLink | undefined;

  /** `link` is asked each time: a plugin may open the connection later, and it may be lost. */
  constructor(clock: Clock, log: Logger, link: () => RedisLink | undefined) {
    this.#clock = clock;
    this.#log = log;
    this.#link = link;
    this.#here = new ProcessMemory(clock);
  }

  has(key: string): boolean | Promise<boolean> {
    if (this.#here.has(key)) return true;
    const link = this.#link();
    return link?.ready ? this.#ask(link, key) : false;
  }

  add(key: string, ms: number): void {
    if (ms <= 0) return;
    this.#here.add(key, ms);
    const link = this.#link();
    if (!link?.ready) return;
    const date = new Date(this.#clock.now()).toISOString();
    link.command(["SET", `no_tls|${key}`, date, "EX", String(Math.ceil(ms / 1000))]).catch((cause) => {
      this.#log.warn(`Redis does not remember that the TLS of ${key} is broken: ${cause}`);
    });
  }

  async #ask(link: RedisLink, key: string): Promise<boolean> {
    try {
      return await link.command(["GET", `no_tls|${key}`]) !== null;
    } catch (cause) {
      this.#log.warn(`Redis does not say whether the TLS of ${key} is broken: ${cause}`);
      return false;
    }
  }
}
