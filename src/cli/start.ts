/**
 * `kasi` and `kasi -c DIR`: serves until somebody says stop (`signals.ts`, the control socket). The exit code is 0, or 1 where a fault nobody caught
 * ended it.
 *
 * smtp.ini says how the process runs: in the background (`daemon.ts`), as which user (`become_user.ts`), and how long its end may take.
 */
import { sleep } from "../base/clock.ts";
import type { ServerSettings } from "../config/core_types.ts";
import { detachedFrom } from "../host/detach.ts";
import type { Host, Machine } from "../host/types.ts";
import { onUncaught } from "../host/uncaught.ts";
import { createLogging, type Logging } from "../log/logging.ts";
import { StdoutHandler } from "../log/stdout_handler.ts";
import type { Logger } from "../log/types.ts";
import { serve, type Server } from "../server.ts";
import { dropTo, planUser, type UserPlan } from "../server/become_user.ts";
import { type Control, controlPath, openControl } from "../server/control.ts";
import { bindAll, type Bound, closeAll, describe } from "../server/listeners.ts";
import { claimPidFile } from "../server/pid_file.ts";
import { VERSION } from "../version.ts";
import { goToBackground } from "./daemon.ts";
import { takeOrders } from "./signals.ts";
import { siteSettings } from "./site_server.ts";
import type { Terminal } from "./terminal.ts";

type SiteSettings = Awaited<ReturnType<typeof siteSettings>>;

/** What an end in good order gets without `graceful_shutdown`. */
const BRISK_MS = 5000;
/** Behind that limit, for what does not heed it. */
const GRACE_MS = 1000;

export async function start(
  action: { readonly site?: string },
  { machine, out }: { machine: Machine; out: Terminal },
): Promise<number> {
  const { host, clock } = machine;
  const found = await siteSettings(machine, action);
  const { settings, site } = found;
  const parent = detachedFrom();
  if (settings.daemonize && parent === undefined) return await goToBackground(settings, { host, out });

  const logging = createLogging({ clock, sinks: [new StdoutHandler(host.stdout, clock)], holdForHook: true });
  const log = logging.root.child({ origin: "core" });
  const orders = takeOrders(host);
  const fault = () => {
    if (settings.onUncaught === "exit") orders.stop(1);
  };
  const restore = onUncaught((reason) => {
    logCritical(logging, reason);
    fault();
  });
  let bound: readonly Bound[] | undefined;
  let control: Control | undefined;
  let plan: UserPlan | undefined;
  let stands = false;
  const pidFile = parent !== undefined ? claimPidFile(host, settings.daemonPidFile, log) : undefined;
  try {
    plan = planUser(settings, host);
    bound = await become(plan, found, host, log);
    const startedAt = clock.now();
    const server = await serve({
      machine,
      logging,
      onUncaught: fault,
      ...(action.site === undefined ? {} : { site: action.site }),
      ...(bound === undefined ? {} : { bound }),
    });
    bound = undefined;
    stands = true;
    if (plan !== undefined) log.notice(`Running as ${plan.label}`);
    orders.onFlush(() => {
      server.operations.flush().catch((cause) => log.warn(`Not all of it could be flushed: ${cause}`));
    });
    const face = {
      operations: server.operations,
      pid: host.pid,
      version: VERSION,
      startedAt,
      addresses: server.addresses,
      shutdown: () => orders.stop(),
    };
    try {
      control = await openControl({ host, clock, log, path: controlPath(site.dataDir), face });
      if (action.site === undefined) out.say(welcome(server));
      parent?.tell();
      return await orders.stopped;
    } finally {
      await control?.close();
      await end(server, settings, machine);
    }
  } finally {
    if (!stands && plan !== undefined) {
      log.error(`The start failed as ${plan.label}, who must be able to read the site`);
    }
    closeAll(bound ?? []);
    pidFile?.remove();
    orders.release();
    logging.flush();
    restore();
  }
}

/** A plugin's timer that throws ends nobody's session, unless that is wanted; the queue is safe whatever happens. */
function logCritical(logging: Logging, reason: unknown): void {
  const text = reason instanceof Error ? reason.stack ?? reason.message : String(reason);
  for (const line of text.split("\n")) logging.root.crit(line);
}

/** Sockets that only root may have are bound first; undefined when the server shall bind its own. */
async function become(
  plan: UserPlan | undefined,
  { settings, site, queueDir }: SiteSettings,
  host: Host,
  log: Logger,
): Promise<readonly Bound[] | undefined> {
  if (plan === undefined) return undefined;
  // Workers bind sockets of their own.
  const bound = settings.nodes === 0 ? bindAll({ host, log, endpoints: settings.listen, reusePort: false }) : undefined;
  try {
    await dropTo(plan, { host, dirs: [site.dataDir, queueDir] });
    return bound;
  } catch (cause) {
    closeAll(bound ?? []);
    throw cause;
  }
}

/** The limit holds whatever a plugin or a peer does, short of a thread that never rests. */
async function end(server: Server, settings: ServerSettings, { clock }: Machine): Promise<void> {
  const { gracefulShutdown, forceShutdownTimeoutMs } = settings;
  const limit = gracefulShutdown ? forceShutdownTimeoutMs : Math.min(BRISK_MS, forceShutdownTimeoutMs);
  const ended = new AbortController();
  const late = sleep(clock, limit + GRACE_MS, ended.signal).catch(() => {});
  await Promise.race([server.stop(limit), late]);
  ended.abort();
}

/** What a newcomer wants to know, in five lines. */
export function welcome(server: Server): string {
  const { dataDir, configDir } = server.site;
  const security = server.tls.server === undefined
    ? "without TLS"
    : server.tls.selfMade
    ? "STARTTLS with a self-made certificate"
    : "STARTTLS";
  return [
    `Kasi ${VERSION} takes mail on ${server.addresses.map(describe).join(" and ")} (${security}).`,
    `Mail for localhost goes to ${dataDir}/mail/localhost/<local part>/new/.`,
    `Mail that programs on this machine send elsewhere goes out through the queue in ${dataDir}/queue.`,
    `It is set up by the files in ${configDir}; "-i DIR" makes a site directory of your own, "-c DIR" serves it.`,
    `Ctrl-C stops it; "-h" lists what else it can do.`,
  ].join("\n");
}
