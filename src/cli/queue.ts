/**
 * `kasi queue ls|show|flush|hold|release|remove`: asks the running server by its control socket. `ls` and `show` read the disk when none runs, which
 * disturbs nobody; the other verbs are a server's to do.
 */
import { type Bytes, utf8Decode } from "../base/bytes.ts";
import { lockOwner } from "../host/lock.ts";
import type { Host, Machine } from "../host/types.ts";
import { readQueue, readQueuedMessage } from "../queue/list.ts";
import { queueDirs } from "../queue/shards.ts";
import type { ListedItem } from "../queue/types.ts";
import type { QueueVerb } from "./options.ts";
import { noServer, nowTried, type SiteServer, siteServer } from "./site_server.ts";
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
  readonly server: SiteServer;
}

const VERBS: { readonly [V in QueueVerb]: (action: QueueAction, place: Place) => Promise<number> } = {
  async ls({ argument, json }, { machine, out, server }) {
    const items = await listQueue(machine.host, server, { domain: argument?.toLowerCase() });
    if (json) return out.say(JSON.stringify(items, null, 2));
    if (items.length === 0) return out.say("The queue is empty");
    return out.say(
      [...items.map((item) => line(item, machine.clock.now())), `${items.length} item${items.length === 1 ? "" : "s"}`]
        .join("\n"),
    );
  },
  async show({ argument, json }, { machine, out, server }) {
    const items = await listQueue(machine.host, server, { id: argument });
    const first = items[0];
    if (first === undefined) return unknownId(out, argument);
    if (json) return out.say(JSON.stringify(items, null, 2));
    const about = items.map((item) =>
      line(item, machine.clock.now()) + (item.lastError === undefined ? "" : `\n  last: ${item.lastError}`)
    );
    const message = await bodyOf(machine.host, server, first.id);
    return out.say(`${about.join("\n")}\n\n${message === undefined ? "" : utf8Decode(message)}`);
  },
  async flush({ argument }, { machine, out, server }) {
    const flushed = await server.ask("/queue/flush", { domain: argument }) as { items: number } | undefined;
    if (flushed !== undefined) return out.say(nowTried(flushed.items));
    // A server that could make no socket still hears signals.
    const owner = lockOwner(machine.host, server.queueDir);
    if (owner === undefined || argument !== undefined) return noServer(out, server);
    machine.host.kill(owner, "SIGHUP");
    return out.say(`Told the server (process ${owner}) to try all waiting mail now`);
  },
  hold: (action, place) => onItems(action, place, "held"),
  release: (action, place) => onItems(action, place, "released"),
  remove: (action, place) => onItems(action, place, "removed"),
};

export async function queue(
  action: QueueAction,
  { machine, out }: { machine: Machine; out: Terminal },
): Promise<number> {
  return await VERBS[action.verb](action, { machine, out, server: await siteServer(machine, action) });
}

/** As the running server tells, or the disk. */
export async function listQueue(
  host: Host,
  server: SiteServer,
  filter: { readonly domain?: string | undefined; readonly id?: string | undefined } = {},
): Promise<ListedItem[]> {
  const told = await server.ask("/queue", filter);
  if (told !== undefined) return told as ListedItem[];
  const { domain, id } = filter;
  const wanted = { ...(domain === undefined ? {} : { domain }), ...(id === undefined ? {} : { id }) };
  return queueDirs(host, server.queueDir).flatMap((dir) => readQueue(host, dir, wanted))
    .sort((a, b) => a.queuedAt - b.queuedAt);
}

/** From the disk in any case: reading disturbs no server. */
async function bodyOf(host: Host, { queueDir }: SiteServer, id: string): Promise<Bytes | undefined> {
  for (const dir of queueDirs(host, queueDir)) {
    const message = await readQueuedMessage(host, dir, id);
    if (message !== undefined) return message;
  }
  return undefined;
}

async function onItems(
  { verb, argument }: QueueAction,
  { out, server }: Place,
  done: string,
): Promise<number> {
  const found = await server.ask(`/queue/${verb as "hold" | "release" | "remove"}`, { id: argument }) as
    | { items: number }
    | undefined;
  if (found === undefined) return noServer(out, server);
  if (found.items === 0) return unknownId(out, argument);
  return out.say(`${found.items} item${found.items === 1 ? "" : "s"} ${done}`);
}

function unknownId(out: Terminal, id: string | undefined): number {
  out.complain(`No queued message has the ID ${id}`);
  return 1;
}

/** `ID state sender → recipients, size, attempts, next in …`. */
function line(item: ListedItem, now: number): string {
  const wait = Math.max(0, Math.round((item.dueAt - now) / 1000));
  const next = item.state === "waiting" ? `next attempt in ${wait} s` : item.state;
  const rcpts = item.recipients.map((address) => `<${address}>`).join(",");
  return `${item.id} <${item.sender}> → ${rcpts} (${item.domain}), ${item.size} octets, ${item.attempts} failed, ${next}`;
}
