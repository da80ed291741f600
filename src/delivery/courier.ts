/**
 * The courier: tries one item once, over SMTP or LMTP, and says what became of each recipient.
 *
 * A rejection means an abort or a bug; whatever a peer, the network, the DNS or TLS does comes back as outcomes.
 */
import type { Clock } from "../base/clock.ts";
import type { ExpiringMemory } from "../base/expiring_memory.ts";
import { ipInList } from "../base/ip.ts";
import type { Attempt, Destination, Forwarder, Item } from "../hooks/outbound.ts";
import type { PoolNumbers } from "../hooks/operations.ts";
import type { Hooks } from "../hooks/runner.ts";
import type { Site } from "../hooks/site.ts";
import type { Machine } from "../host/types.ts";
import type { Logger } from "../log/types.ts";
import type { Message } from "../mail/message.ts";
import type { Courier } from "../queue/courier.ts";
import { DeliveryAttempt } from "./attempt.ts";
import { askPlugins, type PluginRoute } from "./get_mx.ts";
import { beginLive } from "./live.ts";
import { routeMeaning } from "./meaning.ts";
import { Pool } from "./pool.ts";
import { bestHosts, byPriority, NAMED, resolveHosts, type Route, type RouteContext, routeDomain } from "./route.ts";
import type { DeliverySettings } from "./settings.ts";
import type { Target } from "./target.ts";
import { TlsDoor, type TlsSource } from "./tls_policy.ts";
import { Watch } from "./watch.ts";

export interface CourierOptions {
  readonly machine: Machine;
  readonly hooks: Hooks;
  readonly log: Logger;
  /** Asked at each attempt. Give the same object as long as nothing changed. */
  readonly settings: () => DeliverySettings;
  /** A number from 0 up to 1, for the order of equal MX hosts; `Math.random` by default. */
  readonly random?: () => number;
  /** Hosts whose TLS is broken, where others are to know them too; by default this room alone does. */
  readonly brokenTls?: ExpiringMemory;
  /** Who may demand TLS besides settings and envelope: published policies. */
  readonly tlsSources?: readonly TlsSource[];
}

export interface CourierStats {
  /** Connections open now, in use or idle. */
  readonly connections: number;
  readonly idle: number;
  /** Attempts waiting for a connection. */
  readonly waiting: number;
  /** Connections opened since the start. */
  readonly opened: number;
  /** Messages sent over a connection that had carried one before. */
  readonly reused: number;
}

export interface DeliveryRoom extends Courier, Forwarder {
  /** Says QUIT on idle connections and resolves when they are gone. Attempts under way are ended by their own signals. */
  stop(): Promise<void>;
  stats(): CourierStats;
  /** Connections out, by next hop. */
  pools(): readonly PoolNumbers[];
}

export function createCourier(options: CourierOptions): DeliveryRoom {
  const { machine, hooks, log, settings, random = Math.random } = options;
  const pool = new Pool(machine.clock);
  const watch = new Watch(machine.clock);
  const tls = new TlsDoor(machine.clock, options.brokenTls, options.tlsSources);
  const isLocal = localAddresses(machine, machine.clock);

  const attempt = async (
    item: Item,
    message: Message,
    road: Road,
    siteOf: (hosts: readonly string[]) => Site | undefined,
    now: DeliverySettings,
    signal: AbortSignal,
  ) => {
    signal.throwIfAborted();
    const found = road({ resolver: machine.resolver, settings: now, random, signal });
    const route = found instanceof Promise ? await found : found;
    if (route.kind === "none") {
      const { verdict: kind, reason } = routeMeaning(route.finding, item.domain);
      return { outcomes: item.recipients.map((recipient) => ({ kind, recipient, reason })) };
    }
    const site = siteOf(now.sites.asksMx ? bestOf(route.targets) : []);
    const context = { machine, watch, settings: now, log: item.log, signal, pool, tls, isLocal, site };
    return await new DeliveryAttempt(item, message, context).run(route.targets);
  };

  return {
    deliver(item: Item, message: Message, signal: AbortSignal): Promise<Attempt> {
      const now = settings();
      return attempt(
        item,
        message,
        (context) => {
          const follow = (said: PluginRoute | undefined) => {
            if (said?.kind === "none") return said;
            const given = said?.destinations ?? now.relayHosts;
            return given.length > 0
              ? resolveHosts(byPriority(given, random), NAMED, context)
              : routeDomain(item.domain, context);
          };
          const said = hooks.has("get_mx") ? askPlugins(hooks, item, signal) : undefined;
          return said instanceof Promise ? said.then(follow) : follow(said);
        },
        (hosts) => item.site ?? now.sites.siteOf(item.domain, hosts),
        now,
        signal,
      );
    },

    async hostsOf(domain: string, signal: AbortSignal) {
      const { relayHosts } = settings();
      if (relayHosts.length === 0) return await bestHosts(domain, { resolver: machine.resolver, signal });
      const best = Math.min(...relayHosts.map(({ priority }) => priority));
      return relayHosts.filter(({ priority }) => priority === best).map(({ host }) => host);
    },

    /** In the order of their priorities, equal ones as given. */
    async send(
      item: Item,
      message: Message,
      destinations: readonly Destination[],
      signal: AbortSignal,
    ): Promise<Attempt> {
      const now = settings();
      return await attempt(
        item,
        message,
        (context) => {
          const ordered = [...destinations].sort((a, b) => a.priority - b.priority);
          return resolveHosts(ordered, NAMED, context);
        },
        // A next hop of our own choice is no destination of the domain's.
        (hosts) => now.sites.byMx(hosts),
        now,
        signal,
      );
    },

    async begin(start, destinations, signal) {
      const now = settings();
      const ordered = [...destinations].sort((a, b) => a.priority - b.priority);
      const route = await resolveHosts(ordered, NAMED, { resolver: machine.resolver, settings: now, random, signal });
      if (route.kind === "none") return { kind: "broken", reason: routeMeaning(route.finding, "").reason };
      return await beginLive(start, route.targets, {
        machine,
        watch,
        settings: now,
        log: start.log,
        signal,
        pool,
        tls,
      });
    },

    async stop() {
      await pool.stop();
      const left = pool.counts.connections;
      if (left > 0) log.info(`delivery stops with ${left} connections in use`);
    },

    pools: () => pool.list(),

    stats: () => ({ ...pool.counts, opened: pool.opened, reused: pool.reused }),
  };
}

/** As `hostsOf` has them, but of hosts that have an address. */
function bestOf(targets: readonly Target[]): readonly string[] {
  const best = targets[0]?.destination.priority;
  return targets.filter(({ destination }) => destination.priority === best).map(({ name }) => name).sort();
}

type Road = (context: RouteContext) => Route | Promise<Route>;

const INTERFACES_FRESH_MS = 60_000;
const OURS_ALWAYS = ["127.0.0.0/8", "::1", "0.0.0.0", "::"];
const MOST_KNOWN = 10_000;

/** The machine's interfaces are looked at once a minute, and what was found of an address is kept as long. */
function localAddresses(machine: Machine, clock: Clock): (address: string) => boolean {
  const known = new Map<string, boolean>();
  let ours: readonly string[] = [];
  let until = -Infinity;
  return (address) => {
    const now = clock.monotonic();
    if (now >= until || known.size >= MOST_KNOWN) {
      ours = [...OURS_ALWAYS, ...machine.localAddresses()];
      until = now + INTERFACES_FRESH_MS;
      known.clear();
    }
    let is = known.get(address);
    if (is === undefined) known.set(address, is = ipInList(ours, address));
    return is;
  };
}
