/**
 * `kasi` and `kasi -c DIR`: serves until a signal says stop.
 *
 * SIGINT and SIGTERM once: end in good order; a second time: exit code 1 at once. SIGHUP: try all waiting mail now, read renewed certificates.
 */
import type { Machine, SignalName } from "../host/types.ts";
import { onUncaught } from "../host/uncaught.ts";
import { serve, type Server } from "../server.ts";
import { createLogging } from "../log/logging.ts";
import { StdoutHandler } from "../log/stdout_handler.ts";
import { describe } from "../server/listeners.ts";
import { VERSION } from "../version.ts";
import type { Terminal } from "./terminal.ts";

export async function start(
  action: { readonly site?: string },
  { machine, out }: { machine: Machine; out: Terminal },
): Promise<number> {
  const logging = createLogging({
    clock: machine.clock,
    sinks: [new StdoutHandler(machine.host.stdout, machine.clock)],
    holdForHook: true,
  });
  // A plugin's timer that throws ends nobody's session; the queue is safe whatever happens.
  const restore = onUncaught((reason) => {
    const text = reason instanceof Error ? reason.stack ?? reason.message : String(reason);
    for (const line of text.split("\n")) logging.root.crit(line);
  });
  const signals = heedSignals(machine);
  try {
    const server = await serve({ machine, logging, ...(action.site === undefined ? {} : { site: action.site }) });
    if (action.site === undefined) out.say(welcome(server));
    await signals.untilTold(server);
  } finally {
    signals.release();
  }
  logging.flush();
  restore();
  return 0;
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

/** Takes signals from before the start: one that comes while the server still opens is heeded once it stands. */
function heedSignals({ host }: Machine): { untilTold(server: Server): Promise<void>; release(): void } {
  let server: Server | undefined;
  let flushWanted = false;
  let told = false;
  const stop = Promise.withResolvers<void>();
  const onStop = () => {
    if (told) host.exit(1);
    told = true;
    stop.resolve();
  };
  const onFlush = () => {
    if (server === undefined) flushWanted = true;
    else server.flush();
  };
  const handlers: readonly [SignalName, () => void][] = [["SIGHUP", onFlush], ["SIGINT", onStop], ["SIGTERM", onStop]];
  for (const [name, handler] of handlers) host.addSignalListener(name, handler);
  return {
    /** Resolves once the server has stopped because a signal said so. */
    async untilTold(running) {
      server = running;
      if (flushWanted) running.flush();
      await stop.promise;
      await running.stop();
    },
    release() {
      for (const [name, handler] of handlers) host.removeSignalListener(name, handler);
    },
  };
}
