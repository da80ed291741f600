/**
 * Where shards lie, and how one is handed to another: `queue/` itself is the shard of a server without workers, `queue/w1`, `queue/w2` … are
 * those of its workers. No server may run on them meanwhile; whoever holds the lock of `queue/` sees to that.
 *
 * Handing over moves files and copies nothing. It may be broken off at any moment: a shard that is being handed over lies inside the one that
 * takes it, and {@linkcode finishAdoption} ends what a crash broke off before either of them is read.
 */
import type { Host } from "../host/types.ts";
import type { Logger } from "../log/types.ts";
import { makeDirectory } from "./directory.ts";
import { segmentNumbers } from "./replay.ts";
import { segmentName, syncDirectory } from "./segment.ts";

const SHARD = /^w(\d{1,3})$/;
const ADOPTED = /^adopting-/;

/** Directory of worker `number`'s shard, counted from 1. */
export function shardDir(root: string, number: number): string {
  return `${root}/w${number}`;
}

/** The shards, as a server opens them: `root`, and those of workers. */
export function shardDirs(host: Host, root: string): string[] {
  return [root, ...folders(host, root).filter((name) => SHARD.test(name)).map((name) => `${root}/${name}`)];
}

/** Every directory below a queue's that holds records, `root` first; [] when there is none. */
export function queueDirs(host: Host, root: string): string[] {
  const inside = (dir: string): string[] => [
    dir,
    ...folders(host, dir).filter((name) => ADOPTED.test(name)).flatMap((name) => inside(`${dir}/${name}`)),
  ];
  if (!isFolder(host, root)) return [];
  const shards = folders(host, root).filter((name) => SHARD.test(name));
  return [...inside(root), ...shards.flatMap((name) => inside(`${root}/${name}`))];
}

/**
 * Hands the shards that nobody would serve to those that are served: with 0 workers all to `root`, else what lies in `root` and in shards beyond
 * the last worker's to the workers in turn. Says which shards were handed over.
 */
export async function dealShards(host: Host, root: string, workers: number): Promise<string[]> {
  const own = Array.from({ length: workers }, (_, i) => shardDir(root, i + 1));
  const served = workers === 0 ? [root] : own;
  for (const dir of [root, ...own]) await makeDirectory(host, dir);
  const dealt: string[] = [];
  // Always to the first, so that what a crash broke off is found where it was left.
  if (workers > 0 && await handOverRoot(host, root, served[0]!)) dealt.push(root);
  const orphans = folders(host, root).map((name) => `${root}/${name}`)
    .filter((dir) => SHARD.test(nameOf(dir)) && !own.includes(dir));
  for (const [i, orphan] of orphans.entries()) {
    await handOver(host, orphan, served[i % served.length]!);
    dealt.push(orphan);
  }
  return dealt;
}

/** In one step: the whole directory becomes a part of the other. */
async function handOver(host: Host, from: string, into: string): Promise<void> {
  host.renameSync(from, unused(host, `${into}/adopting-${nameOf(from)}`));
  await syncDirectory(host, into);
  await syncDirectory(host, from.slice(0, from.lastIndexOf("/")));
}

/**
 * What lies in `root` itself, file by file. The newest segment goes first: should it be broken off and `root` be served again, what comes back
 * is put behind what stayed, in the order in which it was written.
 */
async function handOverRoot(host: Host, root: string, into: string): Promise<boolean> {
  const nested = folders(host, root).filter((name) => ADOPTED.test(name));
  const numbers = segmentNumbers(host, root);
  if (numbers.length === 0 && nested.length === 0) return false;
  // What `root` itself was still taking over belongs in front of nothing and behind everything it has: end that first.
  await finishAdoption(host, root);
  const to = `${into}/adopting-root`;
  await makeDirectory(host, `${to}/body`);
  moveFiles(host, `${root}/body`, `${to}/body`);
  for (const number of segmentNumbers(host, root).reverse()) {
    host.renameSync(`${root}/${segmentName(number)}`, `${to}/${segmentName(number)}`);
    // In this order on the disk, too.
    await syncDirectory(host, to);
  }
  for (const dir of [`${to}/body`, to, root]) await syncDirectory(host, dir);
  return true;
}

/** Makes what lies inside a shard a part of it: bodies first, then segments, oldest first, behind its own. Before the shard is read. */
export async function finishAdoption(host: Host, dir: string, log?: Logger): Promise<void> {
  for (const name of folders(host, dir).filter((each) => ADOPTED.test(each)).sort()) {
    const from = `${dir}/${name}`;
    await finishAdoption(host, from, log);
    // A segment whose removal was under way when its process died must not come back behind those that are moved now.
    await syncDirectory(host, from);
    for (const part of ["body", "corrupt"]) {
      if (!isFolder(host, `${from}/${part}`)) continue;
      await makeDirectory(host, `${dir}/${part}`);
      moveFiles(host, `${from}/${part}`, `${dir}/${part}`, part === "corrupt");
      await syncDirectory(host, `${dir}/${part}`);
      host.removeSync(`${from}/${part}`);
    }
    let next = (segmentNumbers(host, dir).at(-1) ?? 0) + 1;
    const numbers = segmentNumbers(host, from);
    // Recovery only makes sure of the last segments of a shard, and these will not be the last.
    for (const number of numbers.slice(-2)) await syncFile(host, `${from}/${segmentName(number)}`);
    for (const number of numbers) {
      host.renameSync(`${from}/${segmentName(number)}`, `${dir}/${segmentName(next++)}`);
      // In order on the disk too: a later record must never be there without the earlier one it speaks of.
      await syncDirectory(host, dir);
    }
    discard(host, from, log);
    log?.notice("A queue shard was taken over", { shard: from, segments: numbers.length });
  }
}

function discard(host: Host, dir: string, log: Logger | undefined): void {
  try {
    host.removeSync(dir);
  } catch (cause) {
    // Something lies there that is not ours.
    log?.warn(`Cannot remove a shard that was taken over: ${cause instanceof Error ? cause.message : cause}`, { dir });
  }
}

/** Bodies have names of their own, which records know them by; what was set aside may meet its like. */
function moveFiles(host: Host, from: string, to: string, mayMeet = false): void {
  if (!isFolder(host, from)) return;
  for (const name of names(host, from)) {
    host.renameSync(`${from}/${name}`, mayMeet ? unused(host, `${to}/${name}`) : `${to}/${name}`);
  }
}

function unused(host: Host, path: string): string {
  const slash = path.lastIndexOf("/");
  const there = new Set(names(host, path.slice(0, slash)));
  let free = path.slice(slash + 1);
  for (let n = 2; there.has(free); n++) free = `${path.slice(slash + 1)}-${n}`;
  return `${path.slice(0, slash)}/${free}`;
}

async function syncFile(host: Host, path: string): Promise<void> {
  const file = host.openSync(path, { read: true, write: true });
  try {
    await file.sync();
  } finally {
    file.close();
  }
}

const nameOf = (path: string) => path.slice(path.lastIndexOf("/") + 1);

function names(host: Host, dir: string): string[] {
  return [...host.readDirSync(dir)].map(({ name }) => name);
}

function folders(host: Host, dir: string): string[] {
  return [...host.readDirSync(dir)].filter(({ isDirectory }) => isDirectory).map(({ name }) => name).sort();
}

function isFolder(host: Host, path: string): boolean {
  try {
    return host.statSync(path).isDirectory;
  } catch (cause) {
    if (cause instanceof host.errors.NotFound) return false;
    throw cause;
  }
}
