/**
 * Commands for a running server, by its control socket: `kasi status`, `restart` and `stop`, and Haraka's `--qlist`, `--qstat`, `--qunstick` and
 * `--graceful`. The queue is read from disk when no server runs.
 */
import type { Machine } from "../host/types.ts";
import type { ListedItem } from "../queue/types.ts";
import type { ServerStats } from "../server/face.ts";
import type { ControlAction } from "./options.ts";
import { listQueue } from "./queue.ts";
import { time } from "./queue_text.ts";
import { noServer, nowTried, type SiteServer, siteServer } from "./site_server.ts";
import type { Terminal } from "./terminal.ts";

interface Place {
  readonly machine: Machine;
  readonly out: Terminal;
  readonly server: SiteServer;
}

interface Status extends ServerStats {
  readonly pid: number;
  readonly version: string;
  readonly uptimeSeconds: number;
  readonly addresses: readonly string[];
}

const VERBS: { readonly [V in ControlAction["verb"]]: (action: ControlAction, place: Place) => Promise<number> } = {
  async qlist(_action, { machine, out, server }) {
    const items = await listQueue(machine, server);
    return items.length === 0 ? 0 : out.say(items.map(harakaLine).join("\n"));
  },
  async qstat(_action, { machine, out, server }) {
    const { length } = await listQueue(machine, server);
    return out.say(`{ queue_dir: '${server.queueDir.replace(/['\\]/g, "\\$&")}', queue_count: ${length} }`);
  },
  async qunstick({ domain }, { out, server }) {
    const flushed = await server.ask("/queue/flush", { domain }) as { items: number } | undefined;
    return flushed === undefined ? noServer(out, server) : out.say(nowTried(flushed.items));
  },
  async graceful(_action, { out, server }) {
    if (server.settings.nodes === 0) {
      out.complain("Graceful restart not possible without `nodes` value in smtp.ini");
      return 1;
    }
    if (await server.ask("/restart") === undefined) return noServer(out, server);
    return out.say("All workers are new");
  },
  async status({ json }, { out, server }) {
    const status = await server.ask("/status") as Status | undefined;
    if (status === undefined) return noServer(out, server);
    return out.say(json ? JSON.stringify(status, null, 2) : statusText(status));
  },
  async stop(_action, { out, server }) {
    const status = await server.ask("/status") as Status | undefined;
    if (status === undefined || await server.ask("/shutdown") === undefined) return noServer(out, server);
    return out.say(`The server (process ${status.pid}) is ending`);
  },
};

export async function control(
  action: ControlAction,
  { machine, out }: { machine: Machine; out: Terminal },
): Promise<number> {
  return await VERBS[action.verb](action, { machine, out, server: await siteServer(machine, action) });
}

/** As Haraka prints it, with our item's id where it has the name of a file. */
function harakaLine({ id, recipients, sender, domain }: ListedItem): string {
  return `Q: ${id} rcpt:${recipients.length} from:<${sender}> domain:${domain}`;
}

function statusText(
  { version, pid, uptimeSeconds, addresses, threads, sessions, queue, delivery, sites }: Status,
): string {
  const hours = Math.floor(uptimeSeconds / 3600);
  const minutes = Math.floor(uptimeSeconds / 60) % 60;
  const up = `${hours > 0 ? `${hours} h ` : ""}${minutes} min ${uptimeSeconds % 60} s`;
  const oldest = queue.oldest === undefined ? "" : `; the oldest since ${time(queue.oldest)}`;
  return [
    `Kasi ${version}, process ${pid}, ${threads} thread${threads === 1 ? "" : "s"}, up ${up}`,
    `listening on ${addresses.join(", ")}; ${sessions} session${sessions === 1 ? "" : "s"}`,
    `queue: ${queue.inProgress} in progress, ${queue.queued} due, ${queue.tempFail} waiting, ${queue.held} held${oldest}`,
    `connections out: ${delivery.connections}, of them ${delivery.idle} idle`,
    destinationsText(sites),
  ].join("\n");
}

function destinationsText({ well, slow, resting, probing, suspended }: Status["sites"]): string {
  return `destinations: ${well} served, ${slow} slowed down, ${resting} resting, ${probing} probed, ${suspended} suspended`;
}
