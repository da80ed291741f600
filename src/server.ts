/**
 * Joins the rooms into a server: configuration, log, plugins, queue, delivery, listeners.
 *
 * {@linkcode serve} resolves once it listens. It throws ConfigError or PluginError for an operator's slip, and lets go of everything it had opened.
 * A running server ends by `stop()`, which resolves when nothing of it is left.
 */
import { createConfig } from "./config/config.ts";
import { type CoreSettings, loadCoreSettings } from "./config/core_settings.ts";
import type { Config } from "./config/types.ts";
import { createCourier } from "./delivery/courier.ts";
import type { DeliveryRoom } from "./delivery/courier.ts";
import { lockDirectory } from "./host/lock.ts";
import { thisMachine } from "./host/machine.ts";
import type { Addr, Conn, Machine } from "./host/types.ts";
import { HookRunner } from "./hooks/hook_runner.ts";
import type { LoadedPlugin } from "./hooks/loader.ts";
import { Notes } from "./hooks/notes.ts";
import type { Plugin } from "./hooks/plugin.ts";
import { createLogging, type Logging } from "./log/logging.ts";
import { StdoutHandler } from "./log/stdout_handler.ts";
import { Queue } from "./queue/queue.ts";
import { serveConnection } from "./server/connection.ts";
import { type Bound, endpointOf, listenAll } from "./server/listeners.ts";
import { deliverySettings, queueSettings } from "./server/outbound_settings.ts";
import { attachLogHook, choosePlugins, initialise, startChosen } from "./server/plugins.ts";
import { PRODUCT, sessionSettings } from "./server/session_settings.ts";
import { absoluteIn, findSite, type Site } from "./server/site.ts";
import { settled } from "./server/settled.ts";
import { loadServerTls, type TlsStore } from "./server/tls_store.ts";
import { tellUnheeded } from "./server/unheeded.ts";
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
  readonly queue: Queue;
  readonly courier: DeliveryRoom;
  readonly tls: TlsStore;
  /** Sessions open now. */
  readonly sessions: number;
  /** Tries all waiting mail now; says how many items. Reads renewed certificates as well. */
  flush(): number;
  /** Ends everything; all of it together gets `deadlineMs` (force_shutdown_timeout by default). Idempotent. */
  stop(deadlineMs?: number): Promise<void>;
}

/** Everything that must be let go of, last opened first. */
type Closers = (() => void | Promise<void>)[];

export async function serve(options: ServeOptions = {}): Promise<Server> {
  const closers: Closers = [];
  try {
    return await open(options, closers);
  } catch (cause) {
    await closeAll(closers);
    throw cause;
  }
}

async function open(options: ServeOptions, closers: Closers): Promise<Server> {
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
  log.notice(`Starting up ${PRODUCT} version ${VERSION}`);

  tellUnheeded(core.server.value, log);

  const stopping = new AbortController();
  const runner = new HookRunner({ clock, log, onFault: core.plugins.value.onFault });
  const tls = await loadServerTls({ machine, config, core, log, dataDir: site.dataDir });
  closers.push(() => tls.close());

  const queueDir = absoluteIn(site.dataDir, core.server.value.queueDir ?? "queue");
  const queue = await Queue.open({
    host,
    clock,
    dir: queueDir,
    log: log.child({ origin: "queue" }),
    hooks: runner,
    settings: await queueSettings(core, config),
    fileLock: () => lockDirectory(host, queueDir),
  });
  const courier = createCourier({
    machine,
    hooks: runner,
    log: log.child({ origin: "outbound" }),
    settings: deliverySettings(core, config, host),
  });
  // One deadline for all that ends: what the sessions took is no more there for plugins and queue.
  let endsAt: number | undefined;
  const endBy = (ms = core.server.value.forceShutdownTimeoutMs) => endsAt ??= clock.monotonic() + ms;
  const deadline = () => Math.max(0, endBy() - clock.monotonic());
  closers.push(() => courier.stop(), () => queue.stop(deadline()));

  const plugins = await choosePlugins(options.plugins, core, { machine, log, site, signal: stopping.signal });
  const notes = new Notes();
  const face = { notes, version: VERSION, name: core.me.value };
  const running = await startChosen(plugins, runner, core, {
    config,
    log,
    machine,
    notes,
    dataDir: site.dataDir,
    forwarder: queue.heeding(courier),
    enqueue: (envelope, message) => queue.accept(envelope, message),
    signal: stopping.signal,
    ignoreBad: core.server.value.ignoreBadPlugins,
  });
  closers.push(() => running.stop(deadline()));
  attachLogHook(logging, runner, log);
  await initialise(runner, face, log);

  const sessions = new Set<Promise<void>>();
  const settings = sessionSettings(core, VERSION);
  const listening = listenAll({
    host,
    clock,
    log,
    endpoints: options.listen === undefined ? core.server.value.listen : options.listen.map(endpointOf),
    reusePort: false,
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
        signal: stopping.signal,
      });
      sessions.add(session);
      return session.finally(() => sessions.delete(session));
    },
  });
  closers.push(async () => {
    stopping.abort(new Error("The server is shutting down"));
    await settled(sessions, deadline(), clock);
  }, () => listening.close());
  queue.start(courier);
  const http = core.http.value.listen.length === 0 ? undefined : await (await import("./server/http.ts")).startHttp({
    machine,
    config: core.http.value,
    site,
    log: log.child({ origin: "http" }),
    logging,
    hooks: runner,
    face,
    tls,
    snapshot: () => ({ sessions: sessions.size, queue: queue.stats(), delivery: courier.stats() }),
  });
  if (http !== undefined) closers.push(() => http.close(deadline()));

  let stopped: Promise<void> | undefined;
  return {
    addresses: listening.addresses,
    httpAddresses: http?.addresses ?? [],
    site,
    config,
    core,
    hooks: runner,
    plugins,
    queue,
    courier,
    tls,
    get sessions() {
      return sessions.size;
    },
    flush() {
      tls.reload();
      log.notice("Flushing the temp fail queue");
      return queue.flush();
    },
    stop(ms) {
      endBy(ms);
      return stopped ??= closeAll(closers);
    },
  };
}

async function closeAll(closers: Closers): Promise<void> {
  for (const close of closers.splice(0).reverse()) {
    try {
      await close();
    } catch { /* the rest must be let go of all the same; whoever failed has logged why */ }
  }
}

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
