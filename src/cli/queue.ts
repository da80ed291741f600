/**
 * `kasi queue ls|show|flush`: looks at the queue on disk without disturbing the server that owns it; `flush` tells that server by SIGHUP.
 */
import { loadCoreSettings } from "../config/core_settings.ts";
import { createConfig } from "../config/config.ts";
import { utf8Decode } from "../base/bytes.ts";
import { lockOwner } from "../host/lock.ts";
import type { Machine } from "../host/types.ts";
import { createLogging } from "../log/logging.ts";
import { readQueue, readQueuedMessage } from "../queue/list.ts";
import type { ListedItem } from "../queue/types.ts";
import { absoluteIn, findSite } from "../server/site.ts";
import type { QueueVerb } from "./options.ts";
import type { Terminal } from "./terminal.ts";

interface QueueAction {
  readonly verb: QueueVerb;
  readonly argument?: string;
  readonly site?: string;
  readonly json: boolean;
}
interface Place {
  readonly machine: Machine;
  readonly out: Terminal;
  readonly dir: string;
}

const VERBS: { readonly [V in QueueVerb]: (action: QueueAction, place: Place) => number | Promise<number> } = {
  ls({ argument, json }, { machine, out, dir }) {
    const items = readQueue(machine.host, dir).filter((item) =>
      argument === undefined || item.domain === argument.toLowerCase()
    );
    if (json) return out.say(JSON.stringify(items, null, 2));
    if (items.length === 0) return out.say("The queue is empty");
    return out.say(
      [...items.map((item) => line(item, machine.clock.now())), `${items.length} item${items.length === 1 ? "" : "s"}`]
        .join("\n"),
    );
  },
  async show({ argument, json }, { machine, out, dir }) {
    const items = readQueue(machine.host, dir).filter(({ id }) => id === argument || id.startsWith(`${argument}.`));
    const first = items[0];
    if (first === undefined) {
      out.complain(`No queued message has the ID ${argument}`);
      return 1;
    }
    if (json) return out.say(JSON.stringify(items, null, 2));
    const about = items.map((item) =>
      line(item, machine.clock.now()) + (item.lastError === undefined ? "" : `\n  last: ${item.lastError}`)
    );
    const message = await readQueuedMessage(machine.host, dir, first.id);
    return out.say(`${about.join("\n")}\n\n${message === undefined ? "" : utf8Decode(message)}`);
  },
  flush(_action, { machine, out, dir }) {
    const owner = lockOwner(machine.host, dir);
    if (owner === undefined) {
      out.complain(`No server is running on ${dir}`);
      return 1;
    }
    machine.host.kill(owner, "SIGHUP");
    return out.say(`Told the server (process ${owner}) to try all waiting mail now`);
  },
};

export async function queue(
  action: QueueAction,
  { machine, out }: { machine: Machine; out: Terminal },
): Promise<number> {
  const site = findSite(machine.host, action.site);
  const log = createLogging({ clock: machine.clock, sinks: [] }).root;
  const config = createConfig({ host: machine.host, clock: machine.clock, dir: site.configDir, log, watch: false });
  const core = await loadCoreSettings(config);
  const dir = absoluteIn(site.dataDir, core.server.value.queueDir ?? "queue");
  core.close();
  config.close();
  return await VERBS[action.verb](action, { machine, out, dir });
}

/** `ID state sender → recipients, size, attempts, next in …`. */
function line(item: ListedItem, now: number): string {
  const wait = Math.max(0, Math.round((item.dueAt - now) / 1000));
  const next = item.state === "waiting" ? `next attempt in ${wait} s` : item.state;
  const rcpts = item.recipients.map((address) => `<${address}>`).join(",");
  return `${item.id} <${item.sender}> → ${rcpts} (${item.domain}), ${item.size} octets, ${item.attempts} failed, ${next}`;
}
