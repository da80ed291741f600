/** As much of a Redis server as the house asks of one: keys and hashes that expire, and what was published. It may be down. */
import type { Clock } from "../../src/base/clock.ts";
import type { RedisLink, RedisSettings, RedisWatch } from "../../src/host/types.ts";

export class MemoryRedis {
  /** Every connection that was opened. */
  readonly opened: RedisSettings[] = [];
  readonly published: { readonly channel: string; readonly message: string }[] = [];
  readonly #clock: Clock;
  /** A hash is a map. */
  readonly #keys = new Map<string, { value: string | Map<string, string>; until: number }>();
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
    const value = this.#get(key)?.value;
    if (value instanceof Map) throw new Error("WRONGTYPE");
    return value;
  }
  hash(key: string): { readonly [field: string]: string } {
    return Object.fromEntries(this.#hash(key));
  }
  /** Seconds that a key has left; Infinity for one that stays. */
  ttl(key: string): number {
    return ((this.#get(key)?.until ?? NaN) - this.#clock.monotonic()) / 1000;
  }
  keys(): string[] {
    return [...this.#keys.keys()].filter((key) => this.#get(key) !== undefined);
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
      command: (words) =>
        this.#down ? Promise.reject(new Error("offline")) : new Promise((resolve) => resolve(this.#run(words))),
      close: () => void this.#watches.delete(watch),
    };
  }
  /** Connections that are open. */
  get connections(): number {
    return this.#watches.size;
  }

  #get(key: string) {
    const found = this.#keys.get(key);
    if (found !== undefined && found.until > this.#clock.monotonic()) return found;
    this.#keys.delete(key);
    return undefined;
  }
  #hash(key: string): Map<string, string> {
    const found = this.#get(key);
    if (typeof found?.value === "string") throw new Error("WRONGTYPE");
    return found?.value ?? new Map();
  }

  #run([verb, key = "", value = "", ...more]: readonly string[]): unknown {
    const until = (seconds: string) => this.#clock.monotonic() + Number(seconds) * 1000;
    switch (verb) {
      case "GET":
        return this.value(key) ?? null;
      case "MGET":
        return [key, value, ...more].map((one) => this.value(one) ?? null);
      case "SET": {
        if (more.includes("NX") && this.#get(key) !== undefined) return null;
        const expires = more.indexOf("EX");
        this.#keys.set(key, { value, until: expires === -1 ? Infinity : until(more[expires + 1]!) });
        return "OK";
      }
      case "INCRBY": {
        const sum = Number(this.value(key) ?? 0) + Number(value);
        this.#keys.set(key, { value: String(sum), until: this.#get(key)?.until ?? Infinity });
        return sum;
      }
      case "HINCRBY": {
        const hash = this.#hash(key);
        const sum = Number(hash.get(value) ?? 0) + Number(more[0]);
        this.#keys.set(key, { value: hash.set(value, String(sum)), until: this.#get(key)?.until ?? Infinity });
        return sum;
      }
      case "HSET":
        this.#keys.set(key, { value: this.#hash(key).set(value, more[0]!), until: this.#get(key)?.until ?? Infinity });
        return 1;
      case "HGET":
        return this.#hash(key).get(value) ?? null;
      case "HGETALL":
        return [...this.#hash(key)].flat();
      case "HDEL":
        return [value, ...more].filter((field) => this.#hash(key).delete(field)).length;
      case "EXPIRE": {
        const found = this.#get(key);
        if (found !== undefined) found.until = until(value);
        return found === undefined ? 0 : 1;
      }
      case "TTL": {
        const found = this.#get(key);
        return found === undefined ? -2 : found.until === Infinity ? -1 : Math.ceil(this.ttl(key));
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
