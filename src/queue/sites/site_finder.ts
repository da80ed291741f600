/**
 * Which site a domain belongs to. At once, but where the table goes by MX hosts: these are asked for once in a while, some domains at a time, and
 * until they are known the domain's mail waits. What can't be told in time is taken for a site of its own, and asked again soon.
 */
import type { Clock } from "../../base/clock.ts";
import type { Site, SiteTable } from "../../hooks/site.ts";
import type { Courier } from "../courier.ts";

export interface FinderOptions {
  readonly clock: Clock;
  readonly table: () => SiteTable;
}

interface Known {
  readonly hosts: readonly string[];
  /** On the monotonic clock. */
  readonly freshUntil: number;
}

const AT_ONCE = 20;
const TOO_LONG_MS = 10_000;
const FRESH_MS = 600_000;
const FRESH_NOTHING_MS = 60_000;
const MOST_KNOWN = 50_000;

export class SiteFinder {
  readonly #options: FinderOptions;
  readonly #known = new Map<string, Known>();
  /** Domains that are asked for, or will be, and who waits for them. */
  readonly #waiting = new Map<string, (() => void)[]>();
  readonly #next: string[] = [];
  readonly #asking = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  #hostsOf: Courier["hostsOf"];

  constructor(options: FinderOptions) {
    this.#options = options;
  }

  set courier(courier: Courier) {
    this.#hostsOf = courier.hostsOf?.bind(courier);
  }

  /** As far as it is known. */
  siteOf(domain: string): Site {
    const table = this.#options.table();
    return table.siteOf(domain, table.asksMx ? this.#known.get(domain)?.hosts : undefined);
  }

  /** True when {@linkcode siteOf} can tell; else `then` is called once it can, unless all ends before. */
  find(domain: string, then: () => void): boolean {
    const table = this.#options.table();
    if (!table.asksMx || this.#hostsOf === undefined || table.byDomain(domain) !== undefined) return true;
    const waiting = this.#waiting.get(domain);
    if (waiting !== undefined) {
      waiting.push(then);
      return false;
    }
    const { clock } = this.#options;
    if ((this.#known.get(domain)?.freshUntil ?? -Infinity) > clock.monotonic()) return true;
    this.#waiting.set(domain, [then]);
    this.#next.push(domain);
    this.#ask();
    return false;
  }

  /** Nobody who waits is called any more. Resolves when no look-up runs. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error("The queue stops"));
    this.#waiting.clear();
    this.#next.length = 0;
    await Promise.all(this.#asking);
  }

  #ask(): void {
    while (this.#asking.size < AT_ONCE && this.#next.length > 0) {
      const asked = this.#look(this.#next.shift()!).finally(() => {
        this.#asking.delete(asked);
        this.#ask();
      });
      this.#asking.add(asked);
    }
  }

  async #look(domain: string): Promise<void> {
    const { clock } = this.#options;
    const abort = new AbortController();
    const end = () => abort.abort(this.#stopping.signal.reason);
    this.#stopping.signal.addEventListener("abort", end);
    const timer = clock.after(TOO_LONG_MS, () => abort.abort(new Error("The look-up took too long")));
    let hosts: readonly string[] = [];
    try {
      hosts = await this.#hostsOf!(domain, abort.signal);
    } catch {
      // It is a site of its own for now.
    } finally {
      timer.cancel();
      this.#stopping.signal.removeEventListener("abort", end);
    }
    if (this.#stopping.signal.aborted) return;
    this.#known.delete(domain);
    for (const oldest of this.#known.size >= MOST_KNOWN ? this.#known.keys() : []) {
      this.#known.delete(oldest);
      break;
    }
    this.#known.set(domain, {
      hosts,
      freshUntil: clock.monotonic() + (hosts.length > 0 ? FRESH_MS : FRESH_NOTHING_MS),
    });
    const waiting = this.#waiting.get(domain) ?? [];
    this.#waiting.delete(domain);
    for (const then of waiting) then();
  }
}
