/**
 * `kasi queue …`: asks the running server by its control socket. Without one, what only reads reads the disk, which disturbs nobody, and what
 * changes something takes the queue for as long as it needs ({@linkcode withQueues}); `flush` is a server's to do.
 */
import type { Machine } from "../host/types.ts";
import { lockOwner } from "../host/lock.ts";
import { readFilter } from "../queue/filter.ts";
import { readQueue, readQueuedMessage, sorted } from "../queue/list.ts";
import { queueDirs } from "../queue/shards.ts";
import { readTrace } from "../queue/trace.ts";
import type { ListedItem, Ordered, OrderVerb, TracedItem } from "../queue/types.ts";
import { offlineLookup, offlineSettings, withQueues } from "./queue_offline.ts";
import type { QueueAction, QueueVerb } from "./queue_options.ts";
import { exportFiles, importFiles } from "./queue_files.ts";
import { countOf, envelopeText, itemLine, traceText } from "./queue_text.ts";
import { noServer, nowTried, type SiteServer, siteServer } from "./site_server.ts";
import type { Terminal } from "./terminal.ts";

export interface Place {
  readonly machine: Machine;
  readonly out: Terminal;
  readonly server: SiteServer;
}

const VERBS: { readonly [V in QueueVerb]: (action: QueueAction, place: Place) => Promise<number> } = {
  async ls(action, { machine, out, server }) {
    const items = await listQueue(machine, server, action);
    if (action.json) return sayJson(out, items);
    if (items.length === 0) return out.say(isNarrowed(action) ? "No such mail is queued" : "The queue is empty");
    const now = machine.clock.now();
    return out.say([...items.map((item) => itemLine(item, now)), countOf(items.length)].join("\n"));
  },
  show: (action, place) => tell(action, place, envelopeText),
  trace: (action, place) => tell(action, place, traceText),
  async cat({ ids }, { machine: { host }, out, server: { queueDir } }) {
    const id = ids[0]!;
    // From the disk in any case: reading disturbs no server.
    for (const dir of queueDirs(host, queueDir)) {
      const message = await readQueuedMessage(host, dir, id);
      if (message === undefined) continue;
      out.write(message);
      return 0;
    }
    return unknownIds(out, ids);
  },
  async flush({ filter: { domain } }, { machine, out, server }) {
    const flushed = await server.ask("/queue/flush", { domain }) as { items: number } | undefined;
    if (flushed !== undefined) return out.say(nowTried(flushed.items));
    // A server that could make no socket still hears signals.
    const owner = lockOwner(machine.host, server.queueDir);
    if (owner === undefined || domain !== undefined) return noServer(out, server);
    machine.host.kill(owner, "SIGHUP");
    return out.say(`Told the server (process ${owner}) to try all waiting mail now`);
  },
  import: importFiles,
  export: exportFiles,
  hold: (action, place) => onItems("hold", action, place),
  release: (action, place) => onItems("release", action, place),
  retry: (action, place) => onItems("retry", action, place),
  remove: (action, place) => onItems("remove", action, place),
  bounce: (action, place) => onItems("bounce", action, place),
};

export async function queue(
  action: QueueAction,
  { machine, out }: { machine: Machine; out: Terminal },
): Promise<number> {
  return await VERBS[action.verb](action, { machine, out, server: await siteServer(machine, action) });
}

/** As the running server tells, or the disk. */
export async function listQueue(
  machine: Machine,
  server: SiteServer,
  action: Pick<QueueAction, "ids" | "filter" | "site"> = { ids: [], filter: {} },
): Promise<ListedItem[]> {
  const told = await server.ask("/queue", { ...action.filter, id: action.ids });
  if (told !== undefined) return told as ListedItem[];
  const wanted = await offlineLookup(machine, action);
  return sorted(queueDirs(machine.host, server.queueDir).map((dir) => readQueue(machine.host, dir, wanted)), wanted);
}

/** What is known of the items of each id. */
async function tell(
  { ids, json, site }: QueueAction,
  { machine, out, server }: Place,
  text: (item: TracedItem, now: number) => string,
): Promise<number> {
  const told = await server.ask("/queue/trace", { id: ids }) as TracedItem[] | undefined;
  const items = told ?? await traceFromDisk(ids, machine, site, server);
  if (json) sayJson(out, items);
  else if (items.length > 0) out.say(items.map((item) => text(item, machine.clock.now())).join("\n\n"));
  const missing = ids.filter((id) => !items.some((item) => item.id === id || item.id.startsWith(`${id}.`)));
  return missing.length === 0 ? 0 : unknownIds(out, missing);
}

async function traceFromDisk(
  ids: readonly string[],
  machine: Machine,
  site: string | undefined,
  { queueDir }: SiteServer,
): Promise<TracedItem[]> {
  const { host, clock } = machine;
  const situation = { now: clock.now(), settings: await offlineSettings(machine, site), running: undefined };
  return queueDirs(host, queueDir).flatMap((dir) => ids.flatMap((id) => readTrace(host, dir, id, situation)));
}

const DONE: { readonly [V in OrderVerb]: { readonly did: string; readonly passed: string } } = {
  hold: { did: "held", passed: "held already" },
  release: { did: "released", passed: "not held" },
  retry: { did: "due now", passed: "held, being delivered, due already, or held back by the sender" },
  remove: { did: "removed", passed: "gone meanwhile" },
  bounce: { did: "bounced", passed: "being delivered, or without room for a report" },
};

async function onItems(verb: OrderVerb, action: QueueAction, { machine, out, server }: Place): Promise<number> {
  const { ids, filter, all, dryRun, reason, json } = action;
  const { items, passed } = await server.ask(`/queue/${verb}`, {
    ...filter,
    id: ids,
    reason,
    ...(all ? { all: "1" } : {}),
    ...(dryRun ? { dry_run: "1" } : {}),
  }) as Ordered | undefined ?? await orderOffline(verb, action, machine, server);
  if (json) return sayJson(out, [{ verb, items, passed, dryRun }]);
  if (items + passed === 0 && ids.length > 0) return unknownIds(out, ids);
  const { did, passed: why } = DONE[verb];
  const rest = passed === 0 ? "" : `; ${passed} passed over: ${why}`;
  return out.say(`${countOf(items)} ${dryRun ? `would be ${did}` : did}${rest}`);
}

async function orderOffline(
  verb: OrderVerb,
  { ids, filter: fields, dryRun, reason, site }: QueueAction,
  machine: Machine,
  { queueDir }: SiteServer,
): Promise<Ordered> {
  const filter = readFilter({ get: (name) => fields[name], ids }, machine.clock.now());
  return await withQueues(machine, { site, queueDir }, async (queues) => {
    const order = { verb, dryRun, ...(reason === undefined ? {} : { reason }) };
    let [items, passed, limit] = [0, 0, filter.limit ?? Infinity];
    for (const each of queues) {
      if (limit === 0) break;
      const done = await each.order({ ...order, filter: limit === Infinity ? filter : { ...filter, limit } });
      items += done.items;
      passed += done.passed;
      limit -= done.items + done.passed;
    }
    return { items, passed };
  });
}

function isNarrowed({ ids, filter }: QueueAction): boolean {
  return ids.length > 0 || Object.keys(filter).length > 0;
}

export function sayJson(out: Terminal, values: readonly unknown[]): 0 {
  return values.length === 0 ? 0 : out.say(values.map((value) => JSON.stringify(value)).join("\n"));
}

function unknownIds(out: Terminal, ids: readonly string[]): 1 {
  for (const id of ids) {
    out.complain(`No queued message has the ID ${id}; what became of one the log tells: kasi explain ${id}`);
  }
  return 1;
}
