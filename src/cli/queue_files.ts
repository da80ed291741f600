/** `kasi queue import` and `export`: queue files in, and out. */
import type { Host } from "../host/types.ts";
import { type ImportedFile, partsOf } from "../queue/import/brought.ts";
import { exportedIds } from "../queue/import/importer.ts";
import { exportQueue } from "../queue/export.ts";
import { queueDirs } from "../queue/shards.ts";
import { type Place, sayJson } from "./queue.ts";
import { offlineLookup, withQueues } from "./queue_offline.ts";
import type { QueueAction } from "./queue_options.ts";
import { absoluteIn } from "../server/site.ts";
import { countOf } from "./queue_text.ts";
import { Refused } from "./site_server.ts";
import type { Terminal } from "./terminal.ts";

/** Exit code 1 when a file was not taken. */
export async function importFiles(action: QueueAction, { machine, out, server }: Place): Promise<number> {
  const dir = realDir(machine.host, action.dir!);
  const told = await server.ask("/queue/import", { dir }) as ImportedFile[] | undefined;
  const files = told ?? await withQueues(machine, { site: action.site, queueDir: server.queueDir }, async (queues) => {
    const settled = [];
    for (const queue of queues) settled.push(...await queue.import(dir, { only: "settle" }));
    const ids = exportedIds(machine.host, dir);
    const taken = partsOf(queues.flatMap((queue) => queue.list({ id: ids })));
    return [...settled, ...await queues[0]!.import(dir, { only: "take", taken })];
  });
  if (action.json) sayJson(out, files);
  else sayImported(out, files, dir);
  return files.some(({ id }) => id === undefined) ? 1 : 0;
}

function sayImported(out: Terminal, files: readonly ImportedFile[], dir: string): void {
  const taken = files.filter(({ id }) => id !== undefined);
  const left = files.filter(({ id }) => id === undefined);
  for (const { file, reason } of files) if (reason !== undefined) out.complain(`${file}: ${reason}`);
  if (files.length === 0) return void out.say(`No files in ${dir}`);
  const rest = left.length === 0 ? "" : `; ${left.length} left where ${left.length === 1 ? "it is" : "they are"}`;
  const moved = taken.length === 0 ? "" : `, moved to ${dir}/imported`;
  out.say(`${taken.length} message${taken.length === 1 ? "" : "s"} taken in${moved}${rest}`);
}

export async function exportFiles(action: QueueAction, { machine, out, server }: Place): Promise<number> {
  const { host } = machine;
  host.mkdirSync(absoluteIn(host.cwd(), action.dir!), { recursive: true, mode: 0o700 });
  const dir = realDir(host, action.dir!);
  const filter = await offlineLookup(machine, action);
  const messages = [];
  let left = filter.limit ?? Infinity;
  // From the disk in any case: reading disturbs no server.
  for (const shard of queueDirs(host, server.queueDir)) {
    if (left === 0) break;
    const here = await exportQueue(host, shard, dir, left === Infinity ? filter : { ...filter, limit: left });
    for (const { items } of here) left -= items;
    messages.push(...here);
  }
  if (action.json) sayJson(out, messages);
  for (const { id, reason } of messages) if (reason !== undefined && !action.json) out.complain(`${id}: ${reason}`);
  const good = messages.filter(({ file }) => file !== undefined);
  const items = good.reduce((sum, each) => sum + each.items, 0);
  const many = `${good.length} message${good.length === 1 ? "" : "s"}`;
  if (!action.json) {
    out.say(`${many} (${countOf(items)}) written to ${dir}; the queue keeps ${good.length === 1 ? "it" : "them"}`);
  }
  return good.length === messages.length ? 0 : 1;
}

/** By the name that is the same whoever looks. */
function realDir(host: Host, dir: string): string {
  try {
    const path = host.realPathSync(absoluteIn(host.cwd(), dir));
    host.readDirSync(path);
    return path;
  } catch (cause) {
    throw new Refused(`Cannot read ${dir}: ${cause instanceof Error ? cause.message : cause}`);
  }
}
