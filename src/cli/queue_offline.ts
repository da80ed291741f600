/**
 * The queue of a site without a server: its shards are opened as a server would open them, something is done, and they are closed. Nothing is
 * delivered meanwhile, and no plugin runs.
 *
 * Throws {@linkcode Refused} when somebody else has the queue, or it belongs to another user, whose server could not read what we would write.
 */
import { createConfig } from "../config/config.ts";
import { loadCoreSettings } from "../config/core_settings.ts";
import { lockDirectory, LockedError } from "../host/lock.ts";
import { currentUser, ownerOf } from "../host/privileges.ts";
import type { Machine } from "../host/types.ts";
import { HookRunner } from "../hooks/hook_runner.ts";
import { createLogging } from "../log/logging.ts";
import { StdoutHandler } from "../log/stdout_handler.ts";
import { makeDirectory } from "../queue/directory.ts";
import { type Lookup, readFilter } from "../queue/filter.ts";
import { Queue } from "../queue/queue.ts";
import { shardDirs } from "../queue/shards.ts";
import type { QueueSettings } from "../queue/types.ts";
import { queueSettings } from "../server/outbound_settings.ts";
import { findSite } from "../server/site.ts";
import type { QueueAction } from "./queue_options.ts";
import { Refused } from "./site_server.ts";

/** `use` gets the queues of all shards, the root's first. */
export async function withQueues<T>(
  { host, clock }: Machine,
  { site: name, queueDir }: { readonly site?: string | undefined; readonly queueDir: string },
  use: (queues: readonly Queue[]) => Promise<T>,
): Promise<T> {
  const owner = ownerOf(queueDir);
  const uid = currentUser()?.uid;
  if (owner !== undefined && uid !== undefined && owner !== uid) {
    throw new Refused(`${queueDir} belongs to user ${owner}: do this as that user (sudo -u '#${owner}' …)`);
  }
  const site = findSite(host, name);
  // Warnings only: what is done is said by whoever asked for it.
  const logging = createLogging({ clock, sinks: [new StdoutHandler(host.stderr, clock)], level: "WARN" });
  const log = logging.root;
  await makeDirectory(host, queueDir);
  let lock: ReturnType<typeof lockDirectory>;
  try {
    lock = lockDirectory(host, queueDir);
  } catch (cause) {
    if (!(cause instanceof LockedError)) throw cause;
    throw new Refused(
      `Process ${cause.pid} has ${queueDir}, and no server answers on its control socket: try again, or stop it`,
    );
  }
  const config = createConfig({ host, clock, dir: site.configDir, log, watch: false });
  const queues: Queue[] = [];
  try {
    const core = await loadCoreSettings(config);
    const settings = await queueSettings(core, config, log);
    const hooks = new HookRunner({ clock, log });
    try {
      for (const dir of shardDirs(host, queueDir)) {
        queues.push(await Queue.open({ host, clock, dir, log, hooks, settings }));
      }
      return await use(queues);
    } finally {
      for (const queue of queues) await queue.stop(0);
      core.close();
    }
  } finally {
    config.close();
    lock.release();
    logging.flush();
  }
}

/** A filter for what reads the disk: domains belong to sites as far as their names tell. */
export async function offlineLookup(
  machine: Machine,
  { ids, filter, site }: Pick<QueueAction, "ids" | "filter" | "site">,
): Promise<Lookup> {
  const wanted = readFilter({ get: (name) => filter[name], ids }, machine.clock.now());
  if (wanted.site === undefined) return wanted;
  const { sites } = await offlineSettings(machine, site);
  return { ...wanted, siteOf: (domain) => sites.siteOf(domain).name };
}

/** What a server would work by. */
export async function offlineSettings({ host, clock }: Machine, name: string | undefined): Promise<QueueSettings> {
  const site = findSite(host, name);
  const log = createLogging({ clock, sinks: [] }).root;
  const config = createConfig({ host, clock, dir: site.configDir, log, watch: false });
  try {
    const core = await loadCoreSettings(config);
    const { value } = await queueSettings(core, config, log);
    core.close();
    return value;
  } finally {
    config.close();
  }
}
