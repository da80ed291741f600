/**
 * Joins the rooms into a server: configuration, log, plugins, queue, delivery, listeners.
 *
 * {@linkcode serve} resolves once it listens. It throws ConfigError or PluginError for an operator's slip, and lets go of everything it had opened.
 * A running server ends by `stop()`, which resolves when nothing of it is left. With `nodes` in smtp.ini this thread supervises, and as many
 * workers serve (`server/workers/`).
 */
import { ConfigError } from "./base/config_error.ts";
import { createConfig } from "./config/config.ts";
import { loadCoreSettings } from "./config/core_settings.ts";
import type { CoreSettings } from "./config/core_types.ts";
import type { Config } from "./config/types.ts";
import type { Endpoint } from "./config/endpoint.ts";
import { createCourier } from "./delivery/courier.ts";
import { thisMachine } from "./host/machine.ts";
import type { Addr, Conn, Machine } from "./host/types.ts";
import { HookRunner } from "./hooks/hook_runner.ts";
import type { LoadedPlugin } from "./hooks/loader.ts";
import { Notes } from "./hooks/notes.ts";
import type { Envelope, Taken } from "./hooks/outbound.ts";
import type { Plugin } from "./hooks/plugin.ts";
import { createOutbound, type Outbound, type OutboundParts } from "./hooks/send.ts";
import { createLogging, type Logging } from "./log/logging.ts";
import { StdoutHandler } from "./log/stdout_handler.ts";
import type { Message } from "./mail/message.ts";
import { Queue } from "./queue/queue.ts";
import type { KeyClaims } from "./queue/claims.ts";
import type { SharedLanes } from "./queue/lanes.ts";
import { openCommon } from "./server/common.ts";
import { serveConnection } from "./server/connection.ts";
import type { Operations } from "./server/face.ts";
import { type Bound, endpointsOf, listenAll } from "./server/listeners.ts";
import { ownMailFirst } from "./server/own_mail.ts";
import { deliverySettings, queueSettings } from "./server/outbound_settings.ts";
import { deliverHere } from "./session/own_mail.ts";
import { attachLogHook, choosePlugins, initialise, startChosen } from "./server/plugins.ts";
import { type AskAll, askAlone, pluginOperations, Tidings } from "./server/plugin_operations.ts";
import { PRODUCT, sessionSettings } from "./server/session_settings.ts";
import { absoluteIn, findSite, type Site } from "./server/site.ts";
import { closeInTurn as closeAll, type Closers } from "./server/closers.ts";
import { settled } from "./server/settled.ts";
import { loadServerTls, type TlsStore } from "./server/tls_store.ts";
import { takeQueue } from "./server/take_queue.ts";
import { VERSION } from "./version.ts";

export interface ServeOptions {
  /** Site directory, as `-c DIR`. Without it the shipped configuration is used. */
  readonly site?: string;
  /** Where everything is written; the site directory, or `./data` without one. */
  readonly dataDir?: string;
  /** Endpoints, in the place of smtp.ini's `listen`; port 0 takes a free one. */
  readonly listen?: readonly string[];
  /** Sockets bound already, by `bindAll` of server/listeners.ts, in the place of both. */
  readonly bound?: readonly Bound[];
  /** Plugins as values or specifiers, in the place of `config/plugins`. */
  readonly plugins?: readonly (Plugin | string)[];
  /** The machine to run on; this one by default. */
  readonly machine?: Machine;
  /** The log; lines to standard output by default. */
  readonly logging?: Logging;
  /** Told of a fault in a worker that nobody caught, once it is logged. */
  readonly onUncaught?: () => void;
}

export interface Server {
  readonly addresses: readonly Addr[];
  /** Where HTTP is served; [] without `listen` in http.ini. */
  readonly httpAddresses: readonly Addr[];
  readonly site: Site;
  readonly config: Config;
  readonly core: CoreSettings;
  readonly hooks: HookRunner;
  readonly plugins: readonly LoadedPlugin[];
  readonly tls: TlsStore;
  readonly operations: Operations;
  /** Sends mail of the program that embeds the server. */
  readonly outbound: Outbound;
  /** Sessions open now. */
  readonly sessions: number;
  /** Tries waiting mail now (of one domain, or all); says how many items. Reads renewed certificates as well. */
  flush(domain?: string): Promise<number>;
  /** Replaces the workers one after another. Rejects without workers, and when a fresh one would not start. */
  restart(): Promise<void>;
  /** Takes no more connections, lets sessions go on for `deadlineMs`, then stops. */
  drain(deadlineMs: number): Promise<void>;
  /** Ends everything; all of it together gets `deadlineMs` (force_shutdown_timeout by default). Idempotent. */
  stop(deadlineMs?: number): Promise<void>;
}

/** What makes this thread one of several that serve. */
export interface WorkerPart {
  readonly endpoints: readonly Endpoint[];
  /** Directory of its shard of the queue; the main thread keeps others away from it. */
  readonly shard: string;
  /** Slots and rates of all workers. */
  readonly shared: SharedLanes;
  /** Submissions of all workers. */
  readonly claims: KeyClaims;
  /** Told whenever a session begins or ends. */
  readonly onSessions: (count: number) => void;
  /** Asks all workers. */
  readonly ask: AskAll;
  /** To the plugin of that name in the main thread. */
  readonly tell: (name: string, value: unknown) => void;
}

/** What its worker asks of it beside. */
export interface WorkerServer extends Server {
  /** Puts a message that the main thread handed over into the queue. */
  enqueue(envelope: Envelope, message: Message): Promise<Taken>;
  /** The id of what it took under the key of a submission. */
  submitted(key: string): string | undefined;
}

/** A server as `serve` makes it, but for what the main thread does for all: HTTP, the `log` hook, `init_master`. */
export async function serveAsWorker(options: ServeOptions, part: WorkerPart): Promise<WorkerServer> {
  const closers: Closers = [];
  try {
    return await open(options, closers, part) as WorkerServer;
  } catch (cause) {
    await closeAll(closers);
    throw cause;
  }
}

export async function serve(options: ServeOptions = {}): Promise<Server> {
  const closers: Closers = [];
  try {
    return await open(options, closers);
  } catch (cause) {
    await closeAll(closers);
    throw cause;
  }
}

async function open(options: ServeOptions, closers: Closers, part?: WorkerPart): Promise<Server> {
  const machine = options.machine ?? await thisMachine();
  const { host, clock } = machine;
  const site = findSite(host, options.site, options.dataDir);
  const logging = options.logging ??
    createLogging({ clock, sinks: [new StdoutHandler(host.stdout, clock)], holdForHook: true });
  const log = logging.root.child({ origin: "core" });
  closers.push(() => logging.flush());

  const config = createConfig({ host, clock, dir: site.configDir, log });
  closers.push(() => config.close());
  const core = await loadCoreSettings(config);
  closers.push(() => core.close());
  followLogSettings(core, logging);
  machine.resolver.setLimits?.(core.dns.value);
  core.dns.onChange((limits) => machine.resolver.setLimits?.(limits));
  if (part === undefined) log.notice(`Starting up ${PRODUCT} version ${VERSION}`);
  if (part === undefined && core.server.value.nodes !== 0) {
    const { supervise } = await import("./server/workers/supervise.ts");
    return await supervise({ ...options, machine, logging, located: site, config, core, log, closers });
  }

  const stopping = new AbortController();
  const runner = new HookRunner({ clock, log, onFault: core.plugins.value.onFault });
  const tls = await loadServerTls({ machine, config, core, log, dataDir: site.dataDir });
  closers.push(() => tls.close());

  const notes = new Notes();
  const common = await openCommon({ machine, core, config, log, notes, dataDir: site.dataDir });
  closers.push(() => common.close());

  const queueDir = absoluteIn(site.dataDir, core.server.value.queueDir ?? "queue");
  if (part === undefined) closers.push(await takeQueue(host, queueDir, 0, log));
  const queue = await Queue.open({
    host,
    clock,
    dir: part?.shard ?? queueDir,
    log: log.child({ origin: "queue" }),
    hooks: runner,
    settings: await queueSettings(core, config, log),
    suspensions: `${queueDir}/sites.json`,
    ...(part === undefined ? {} : { shared: part.shared, claims: part.claims }),
  });
  const courier = createCourier({
    machine,
    hooks: runner,
    log: log.child({ origin: "outbound" }),
    settings: deliverySettings(core, config, host, tls),
    brokenTls: common.brokenTls,
  });
  // One deadline for all that ends: what the sessions took is no more there for plugins and queue.
  let endsAt: number | undefined;
  const endBy = (ms = core.server.value.forceShutdownTimeoutMs) => endsAt ??= clock.monotonic() + ms;
  const deadline = () => Math.max(0, endBy() - clock.monotonic());
  closers.push(() => courier.stop(), () => queue.stop(deadline()));

  const outbound: OutboundParts = {
    enqueue: (envelope, message) => queue.accept(envelope, message),
    spool: () => queue.spool(),
    stats() {
      const { inProgress, queued, tempFail, held } = queue.stats();
      return { inProgress, queued, tempFail, held };
    },
  };
  const plugins = await choosePlugins(options.plugins, core, { machine, log, site, signal: stopping.signal });
  const face = { notes, version: VERSION, name: core.me.value };
  const started: { operations?: Operations } = {};
  const tidings = new Tidings();
  const running = await startChosen(plugins, runner, core, {
    config,
    log,
    machine,
    notes,
    dataDir: site.dataDir,
    forwarder: queue.heeding(courier),
    results: common.results,
    outbound,
    operations: pluginOperations(part?.ask ?? askAlone(() => started.operations)),
    mainOf: (name) => part === undefined ? tidings.of(name) : { tell: (value) => part.tell(name, value), onTold() {} },
    signal: stopping.signal,
    ignoreBad: core.server.value.ignoreBadPlugins,
  });
  closers.push(() => running.stop(deadline()));
  if (part === undefined) {
    attachLogHook(logging, runner, log);
    await initialise(runner, face, log, "init_master");
  }
  await initialise(runner, face, log, "init_child");

  const sessions = new Set<Promise<void>>();
  const settings = sessionSettings(core, VERSION);
  const listening = listenAll({
    host,
    clock,
    log,
    endpoints: part?.endpoints ?? endpointsOf(options, core),
    reusePort: part !== undefined,
    quiet: part !== undefined,
    bound: options.bound,
    handle(conn: Conn, endpoint) {
      const session = serveConnection(conn, endpoint, {
        machine,
        core,
        hooks: runner,
        log: logging.root,
        settings,
        tls: () => tls.server,
        queue,
        common: common.ofSessions,
        signal: stopping.signal,
      });
      sessions.add(session);
      part?.onSessions(sessions.size);
      return session.finally(() => {
        sessions.delete(session);
        part?.onSessions(sessions.size);
      });
    },
  });
  closers.push(async () => {
    stopping.abort(new Error("The server is shutting down"));
    await settled(sessions, deadline(), clock);
  }, () => listening.close());
  queue.start(
    ownMailFirst(courier, () => core.me.value, async (item, message, signal) =>
      await deliverHere(item, message, {
        local: HERE,
        remote: HERE,
        hooks: runner,
        log: logging.root,
        clock,
        resolver: machine.resolver,
        settings: settings(),
        enqueue: outbound.enqueue,
        spool: () => queue.spool(),
        ...common.ofSessions,
        signal,
      })),
  );
  const http = part !== undefined || core.http.value.listen.length === 0
    ? undefined
    : await (await import("./server/http.ts")).startHttp({
      machine,
      config: core.http.value,
      site,
      log: log.child({ origin: "http" }),
      logging,
      hooks: runner,
      face,
      tls,
      snapshot: () => ({
        sessions: sessions.size,
        queue: queue.stats(),
        delivery: courier.stats(),
        sites: queue.sites.counts(),
      }),
    });
  if (http !== undefined) closers.push(() => http.close(deadline()));

  const operations: Operations = started.operations = {
    list: (filter) => queue.look(filter),
    trace: async (id) => queue.trace(id),
    async stats() {
      // Without its function: what goes to another thread is data.
      const { toString: _, ...counts } = queue.stats();
      const delivery = courier.stats();
      return { sessions: sessions.size, queue: counts, delivery, sites: queue.sites.counts(), threads: 1 };
    },
    async flush(domain) {
      tls.reload();
      if (part === undefined) log.notice("Flushing the temp fail queue");
      return queue.flush(domain);
    },
    order: (order) => queue.order(order),
    sites: async (ask) => queue.sites.ask(ask),
    pools: async () => courier.pools(),
    import: (dir, step) => queue.import(dir, step),
    async restart() {
      throw new ConfigError({
        file: "smtp.ini",
        setting: "nodes",
        current: "0",
        wanted: "workers, for there to be some to replace",
      });
    },
  };
  let stopped: Promise<void> | undefined;
  const server: WorkerServer = {
    addresses: listening.addresses,
    httpAddresses: http?.addresses ?? [],
    site,
    config,
    core,
    hooks: runner,
    plugins,
    tls,
    operations,
    outbound: createOutbound(outbound, log),
    enqueue: outbound.enqueue,
    submitted: (key) => queue.submitted(key),
    get sessions() {
      return sessions.size;
    },
    flush: (domain) => operations.flush(domain),
    restart: () => operations.restart(),
    async drain(ms) {
      await listening.close();
      const until = clock.monotonic() + ms;
      await settled(sessions, ms, clock);
      await server.stop(Math.max(until - clock.monotonic(), LEAST_END_MS));
    },
    stop(ms) {
      endBy(ms);
      return stopped ??= closeAll(closers);
    },
  };
  return server;
}

const HERE: Addr = { transport: "tcp", hostname: "127.0.0.1", port: 0 };

/** What deliveries get that are under way when the last session ended. */
const LEAST_END_MS = 5000;

function followLogSettings(core: CoreSettings, logging: Logging): void {
  const apply = () => {
    const { level, format, timestamps } = core.logging.value;
    logging.level = level;
    logging.format = format;
    logging.timestamps = timestamps;
  };
  apply();
  core.logging.onChange(apply);
}
