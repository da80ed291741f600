/**
 * The main thread of a server with workers: it serves no mail itself, and does once what is done once for all. The log and its `log` hook, HTTP
 * with the numbers of all workers, `init_master`, signals; it owns the queue's lock and deals the shards out.
 *
 * It loads the plugins too, for `init_master`, `init_http`, `init_wss` and `log`; their other hooks are heard in the workers, where each plugin is
 * loaded anew. Each endpoint is bound once to find its port and whether it is free, and let go of for the workers; a Unix socket cannot be
 * shared and is the first worker's.
 */
import { ConfigError } from "../../base/config_error.ts";
import type { Config } from "../../config/types.ts";
import type { CoreSettings } from "../../config/core_types.ts";
import type { Endpoint } from "../../config/endpoint.ts";
import { createCourier } from "../../delivery/courier.ts";
import { processors, reusePortFault } from "../../host/threads.ts";
import type { Addr, Host, Machine } from "../../host/types.ts";
import { HookRunner } from "../../hooks/hook_runner.ts";
import { Notes } from "../../hooks/notes.ts";
import { createOutbound, type OutboundParts } from "../../hooks/send.ts";
import type { Counts } from "../../http/metrics.ts";
import type { Logging } from "../../log/logging.ts";
import type { Logger } from "../../log/types.ts";
import { partsOf } from "../../queue/import/brought.ts";
import { exportedIds } from "../../queue/import/importer.ts";
import { sorted } from "../../queue/list.ts";
import { shardDir } from "../../queue/shards.ts";
import type { ListFilter, Ordered } from "../../queue/types.ts";
import { slotMemory } from "../../queue/shared_slots.ts";
import { sitesTogether } from "../../queue/sites/sites_desk.ts";
import { paceMemory } from "../../queue/sites/shared_paces.ts";
import type { ServeOptions, Server } from "../../server.ts";
import { VERSION } from "../../version.ts";
import { closeInTurn, type Closers } from "../closers.ts";
import { openCommon } from "../common.ts";
import type { Operations, ServerStats } from "../face.ts";
import { bindAll, closeAll, describe, endpointsOf } from "../listeners.ts";
import { deliverySettings } from "../outbound_settings.ts";
import { attachLogHook, choosePlugins, initialise, startChosen } from "../plugins.ts";
import { ANSWER_MS, pluginOperations, Tidings } from "../plugin_operations.ts";
import { absoluteIn, type Site } from "../site.ts";
import { takeQueue } from "../take_queue.ts";
import { loadServerTls } from "../tls_store.ts";
import { handover } from "./handover.ts";
import type { WorkerData } from "./messages.ts";
import { type Pool, startWorkers } from "./pool.ts";

export interface SuperviseOptions extends Omit<ServeOptions, "machine" | "logging"> {
  readonly machine: Machine;
  readonly logging: Logging;
  readonly located: Site;
  readonly config: Config;
  readonly core: CoreSettings;
  readonly log: Logger;
  /** Taken over by the server that is returned. */
  readonly closers: Closers;
}

/** The program of a worker. */
const PROGRAM = new URL("./main.ts", import.meta.url);

export async function supervise(options: SuperviseOptions): Promise<Server> {
  const { machine, logging, located: site, config, core, log, closers } = options;
  const { host, clock } = machine;
  const count = workerCount(core);
  const specifiers = checked(options);
  const startThread = machine.startThread!;

  const runner = new HookRunner({ clock, log, onFault: core.plugins.value.onFault });
  // Before the workers: a certificate that is made here at the first start is found by all of them.
  const tls = await loadServerTls({ machine, config, core, log, dataDir: site.dataDir });
  closers.push(() => tls.close());
  const notes = new Notes();
  const common = await openCommon({ machine, core, config, log, notes, dataDir: site.dataDir });
  closers.push(() => common.close());
  const queueDir = absoluteIn(site.dataDir, core.server.value.queueDir ?? "queue");
  closers.push(await takeQueue(host, queueDir, count, log));
  const courier = createCourier({
    machine,
    hooks: runner,
    log: log.child({ origin: "outbound" }),
    settings: deliverySettings(core, config, host, tls),
    brokenTls: common.brokenTls,
  });
  closers.push(() => courier.stop());

  let endsAt: number | undefined;
  const endBy = (ms = core.server.value.forceShutdownTimeoutMs) => endsAt ??= clock.monotonic() + ms;
  const deadline = () => Math.max(0, endBy() - clock.monotonic());

  // At `init_master` there are none yet.
  const workers: { pool?: Pool } = {};
  const served = () => {
    if (workers.pool === undefined) {
      throw new Error("Cannot queue mail yet: its workers have the queue, and start later");
    }
    return workers.pool;
  };
  const outbound: OutboundParts = {
    ...handover({ host, queueDir, log, ask: async (given) => await served().askOne("enqueue", given) }),
    stats: async () => together(await served().ask("stats", undefined)).queue,
  };

  const stopping = new AbortController();
  const plugins = await choosePlugins(options.plugins, core, { machine, log, site, signal: stopping.signal });
  const face = { notes, version: VERSION, name: core.me.value };
  const tidings = new Tidings();
  const running = await startChosen(plugins, runner, core, {
    config,
    log,
    machine,
    notes,
    dataDir: site.dataDir,
    forwarder: courier,
    results: common.results,
    outbound,
    operations: pluginOperations(
      async (verb, takes) => await served().ask(verb, takes, ANSWER_MS),
      () => workers.pool?.replaced ?? 0,
    ),
    mainOf: (name) => tidings.of(name),
    signal: stopping.signal,
    ignoreBad: core.server.value.ignoreBadPlugins,
  });
  closers.push(() => running.stop(deadline()));
  attachLogHook(logging, runner, log);
  await initialise(runner, face, log, "init_master");

  const { endpoints, addresses } = reserve(options);
  const sessions = new SharedArrayBuffer(count * Int32Array.BYTES_PER_ELEMENT);
  const pool = await startWorkers({
    count,
    shared: {
      ...(options.site === undefined ? {} : { site: options.site }),
      ...(options.dataDir === undefined ? {} : { dataDir: options.dataDir }),
      ...(specifiers === undefined ? {} : { plugins: specifiers }),
      slots: slotMemory(count),
      paces: paceMemory(),
      sessions,
      counts: core.http.value.listen.length > 0,
    },
    shardOf: (number) => shardDir(queueDir, number),
    endpointsOf: (number) => endpoints.filter(({ kind }) => kind === "tcp" || number === 1),
    startThread: (data: WorkerData) => startThread(PROGRAM, data),
    clock,
    log,
    logging,
    onUncaught: (reason) => {
      for (const line of reason.split("\n")) logging.root.crit(line);
      options.onUncaught?.();
    },
    onPlugin: (name, value) => tidings.deliver(name, value),
    endMs: () => core.server.value.forceShutdownTimeoutMs,
  });
  closers.push(() => {
    stopping.abort(new Error("The server is shutting down"));
    return pool.stop(deadline());
  });
  workers.pool = pool;
  for (const address of addresses) log.notice(`Listening on ${describe(address)}`);
  log.notice(`${count} workers serve`);

  const operations = operationsOf(pool, { host, log, reload: () => tls.reload() });
  const http = core.http.value.listen.length === 0 ? undefined : await (await import("../http.ts")).startHttp({
    machine,
    config: core.http.value,
    site,
    log: log.child({ origin: "http" }),
    logging,
    hooks: runner,
    face,
    tls,
    snapshot: async () => {
      const all = await pool.ask("stats", undefined);
      return {
        ...together(all),
        counts: all.map(({ counts }) => counts).filter((each): each is Counts => each !== undefined),
      };
    },
  });
  if (http !== undefined) closers.push(() => http.close(deadline()));

  let stopped: Promise<void> | undefined;
  const stop = (ms?: number) => {
    endBy(ms);
    return stopped ??= closeInTurn(closers);
  };
  return {
    addresses,
    httpAddresses: http?.addresses ?? [],
    site,
    config,
    core,
    hooks: runner,
    plugins,
    tls,
    operations,
    outbound: createOutbound(outbound, log),
    get sessions() {
      return new Int32Array(sessions).reduce((sum, each) => sum + each, 0);
    },
    flush: (domain) => operations.flush(domain),
    restart: () => operations.restart(),
    drain: (ms) => stop(ms),
    stop,
  };
}

function workerCount(core: CoreSettings): number {
  const { nodes } = core.server.value;
  return nodes === "cpus" ? processors() : nodes;
}

/** The plugins as workers can be told of them. Throws ConfigError for what cannot be had with workers. */
function checked({ machine, plugins, core }: SuperviseOptions): readonly string[] | undefined {
  const nodes = String(core.server.value.nodes);
  const refuse = (wanted: string) => new ConfigError({ file: "smtp.ini", setting: "nodes", current: nodes, wanted });
  if (machine.startThread === undefined) throw refuse("0: this machine has no threads");
  const fault = reusePortFault();
  if (fault !== undefined) throw refuse(`0, or sockets that workers can share: ${fault}`);
  const values = plugins?.filter((plugin) => typeof plugin !== "string");
  if (values !== undefined && values.length > 0) {
    throw refuse(`0, or plugins by name, path or URL: a worker cannot be given the value ${values[0]!.name}`);
  }
  return plugins as readonly string[] | undefined;
}

/** Binds every endpoint alone, so that one that is taken is found, and port 0 becomes a port; and lets go of it. */
function reserve(
  options: SuperviseOptions,
): { readonly endpoints: readonly Endpoint[]; readonly addresses: readonly Addr[] } {
  const { machine: { host }, log, core } = options;
  const bound = options.bound ?? bindAll({ host, log, endpoints: endpointsOf(options, core), reusePort: false });
  const addresses = bound.map(({ listener }) => listener.addr);
  const endpoints = bound.map(({ endpoint }, i) => {
    const address = addresses[i]!;
    return endpoint.kind === "tcp" && "port" in address ? { ...endpoint, port: address.port } : endpoint;
  });
  closeAll(bound);
  return { endpoints, addresses };
}

/** All workers' numbers as one server's. */
export function together(all: readonly ServerStats[]): ServerStats {
  const sum = <K extends string>(parts: readonly { readonly [name in K]: number }[], names: readonly K[]) =>
    Object.fromEntries(names.map((name) => [name, parts.reduce((total, part) => total + part[name], 0)])) as {
      [name in K]: number;
    };
  return {
    sessions: all.reduce((total, { sessions }) => total + sessions, 0),
    queue: {
      ...sum(all.map(({ queue }) => queue), ["inProgress", "queued", "tempFail", "held"]),
      oldest: all.reduce<number | undefined>((first, { queue: { oldest } }) => earlier(first, oldest), undefined),
    },
    delivery: sum(all.map(({ delivery }) => delivery), ["connections", "idle", "waiting", "opened", "reused"]),
    sites: sum(all.map(({ sites }) => sites), ["well", "slow", "resting", "probing", "suspended"]),
    threads: all.length,
  };
}

function earlier(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? a ?? b : Math.min(a, b);
}

function sumOf(all: readonly Ordered[]): Ordered {
  return {
    items: all.reduce((sum, { items }) => sum + items, 0),
    passed: all.reduce((sum, { passed }) => sum + passed, 0),
  };
}

/** Over all workers. */
export function operationsOf(
  pool: Pool,
  { host, log, reload }: { readonly host: Host; readonly log: Logger; reload(): void },
): Operations {
  const list = async (filter: ListFilter = {}) => sorted(await pool.ask("list", filter), filter);
  // One after another: what one worker takes another must not take meanwhile.
  let imported: Promise<unknown> = Promise.resolve();
  const importInto = async (dir: string) => {
    const settled = (await pool.ask("import", { dir, step: { only: "settle" } })).flat();
    const taken = partsOf(await list({ id: exportedIds(host, dir) }));
    return [...settled, ...await pool.askOne("import", { dir, step: { only: "take", taken } })];
  };
  return {
    list,
    trace: async (id) => (await pool.ask("trace", id)).flat(),
    stats: async () => together(await pool.ask("stats", undefined)),
    async flush(domain) {
      reload();
      log.notice("Flushing the temp fail queue");
      return (await pool.ask("flush", domain)).reduce((sum, each) => sum + each, 0);
    },
    async order(order) {
      const { limit } = order.filter;
      if (limit === undefined) return sumOf(await pool.ask("order", order));
      // So many in all: which they are, is settled first.
      const meant = await list(order.filter);
      return sumOf(await pool.ask("order", { ...order, filter: { id: meant.map(({ id }) => id) } }));
    },
    import(dir) {
      const result = imported.then(() => importInto(dir));
      imported = result.catch(() => {});
      return result;
    },
    sites: async (ask) => sitesTogether(await pool.ask("sites", ask)),
    pools: () => pluginOperations((verb, takes) => pool.ask(verb, takes)).pools(),
    restart: () => pool.restart(),
  };
}
