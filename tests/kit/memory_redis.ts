/** As much of a Redis server as the house asks of one: keys that expire, and what was published. It may be down. */
import type { Clock } from "../../src/base/clock.ts";
import type { RedisLink, RedisSettings, RedisWatch } from "../../src/host/types.ts";

export class MemoryRedis {
  /** Every connection that was opened. */
  readonly opened: RedisSettings[] = [];
  readonly published: { readonly channel: string; readonly message: string }[] = [];
  readonly #clock: Clock;
  readonly #keys = new Map<string, { readonly value: string; readonly until: number }>();
  readonly #watches = new Set<RedisWatch>();
  #down = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get down(): boolean {
    return this.#down;
  }
  set down(down: boolean) {
    this.#down = down;
    for (const watch of this.#watches) down ? watch.onTrouble(new Error("ECONNREFUSED")) : watch.onReady();
  }

  /** The value of a key; undefined when there is none any more. */
  value(key: string): string | undefined {
    const found = this.#keys.get(key);
    return found === undefined || found.until <= this.#clock.monotonic() ? undefined : found.value;
  }
  keys(): string[] {
    return [...this.#keys.keys()].filter((key) => this.value(key) !== undefined);
  }

  open(settings: RedisSettings, watch: RedisWatch): RedisLink {
    this.opened.push(settings);
    this.#watches.add(watch);
    const isDown = () => this.#down;
    if (this.#down) watch.onTrouble(new Error("ECONNREFUSED"));
    else watch.onReady();
    return {
      url: `redis://${settings.hostname}:${settings.port}`,
      get ready() {
        return !isDown();
      },
      command: (words) => this.#down ? Promise.reject(new Error("offline")) : Promise.resolve(this.#run(words)),
      close: () => void this.#watches.delete(watch),
    };
  }
  /** Connections that are open. */
  get connections(): number {
    return this.#watches.size;
  }

  #run([verb, key = "", value = "", ...more]: readonly string[]): unknown {
    switch (verb) {
      case "MGET":
        return [key, value, ...more].map((one) => this.value(one) ?? null);
      case "GET":
        return this.value(key) ?? null;
      case "SET": {
        const seconds = more[0] === "EX" ? Number(more[1]) : Infinity;
        this.#keys.set(key, { value, until: this.#clock.monotonic() + seconds * 1000 });
        return "OK";
      }
      case "PUBLISH":
        this.published.push({ channel: key, message: value });
        return 1;
      case "INFO":
        return "redis_version:7.0.15\r\n";
      default:
        throw new Error(`MemoryRedis does not know ${verb}`);
    }
  }
}
