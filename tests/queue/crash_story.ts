/**
 * One story of a world of crashes: processes live and die on one disk, the first at a step that is asked for, the others where the lot
 * falls, also while they recover; the last one lives to see all queues empty. A seed and a step tell the same story every time.
 */
import { CrashDisk, type DiskStep } from "../kit/crash_disk.ts";
import { BrokenLaw, turn, World } from "./crash_world.ts";
import { Shards } from "./crash_shards.ts";

export interface Told {
  /** Messages submitted, crashes, laws looked at, recipients told of as late. */
  readonly messages: number;
  readonly crashes: number;
  readonly laws: number;
  readonly late: number;
  /** Steps of the first life. */
  readonly steps: number;
}

/**
 * `crashAt`: at which step of the disk the first process dies; Infinity: when its work is done. Rejects with what went wrong. `trace` hears all
 * that happens.
 */
export async function tellStory(seed: number, crashAt: number, trace?: (line: string) => void): Promise<Told> {
  const world = new World(seed, trace);
  let disk = new CrashDisk();
  disk.lasting = false;
  let steps = 0;
  const lives = crashAt === Infinity ? 1 : 1 + world.upTo(3);
  for (let life = 0; life < lives; life++) {
    // Half of the later ones die while they recover.
    disk.crashAt = life === 0 ? crashAt : 1 + world.upTo(world.chance(0.5) ? 40 : 400);
    disk.died = () => world.crashed();
    await live(world, disk, `m${life}`, 15 + world.upTo(life === 0 ? 40 : 15));
    disk.die();
    if (life === 0) steps = disk.steps;
    // Of promises that wait for nobody, some may still be on their way.
    await turn();
    disk = await reborn(world, disk);
  }
  heed(world, disk);
  const last = await start(world, disk, true);
  await last!.drain();
  world.conclude();
  return { messages: world.mails.size, crashes: world.crashes, laws: world.laws, late: world.late, steps };
}

async function live(world: World, disk: CrashDisk, run: string, doings: number): Promise<void> {
  spoil(world, disk);
  heed(world, disk);
  const shards = await start(world, disk, false);
  await shards?.work(doings, run);
  disk.fail = () => {};
}

/** Tells the trace of each step. */
function heed({ trace }: World, disk: CrashDisk): void {
  if (trace === undefined) return;
  const { fail } = disk;
  disk.fail = (step, path) => {
    trace(`${String(disk.steps).padStart(5)} ${step} ${path}`);
    return fail(step, path);
  };
}

/** Undefined when the machine died meanwhile. A disk that fails may refuse us; it is asked again. */
async function start(world: World, disk: CrashDisk, willing: boolean): Promise<Shards | undefined> {
  const workers = world.chance(0.6) ? 0 : 1 + world.upTo(3);
  for (;;) {
    let faulty = false;
    const { fail } = disk;
    disk.fail = (step, path) => {
      try {
        return fail(step, path);
      } catch (error) {
        faulty = true;
        throw error;
      }
    };
    try {
      return await Shards.open(world, disk, { workers, willing });
    } catch (error) {
      if (disk.dead) return undefined;
      if (error instanceof BrokenLaw || !faulty) throw error;
      disk.fail = () => {};
    }
  }
}

/** The disk as the next process finds it. */
async function reborn(world: World, disk: CrashDisk): Promise<CrashDisk> {
  world.nextLife();
  if (world.chance(0.3)) {
    world.trace?.("── the process died");
    return disk.afterKill();
  }
  world.trace?.("── the power failed");
  const next = disk.afterCrash(world.random);
  if (world.chance(0.25)) await recoverTwice(world, next);
  return next;
}

/** Who recovers and is gone at once leaves to the next one what was found. */
async function recoverTwice(world: World, disk: CrashDisk): Promise<void> {
  const first = disk.afterCrash(() => 0.99);
  const found = await ledger(world, first);
  first.die();
  const second = await ledger(world, first.afterCrash(world.random));
  world.law(found === second, () => `Two recoveries differ:\n${found}\n${second}`);
}

async function ledger(world: World, disk: CrashDisk): Promise<string> {
  const shards = await Shards.open(world, disk, { workers: 0, willing: false, idle: true });
  return shards.list().map((item) => JSON.stringify(item)).sort().join("\n");
}

/** Now and then the disk itself fails, for a while. */
function spoil(world: World, disk: CrashDisk): void {
  if (!world.chance(0.3)) return;
  const from = world.upTo(world.chance(0.2) ? 30 : 300);
  const until = from + 1 + world.upTo(6);
  const kind = FAULTS[world.upTo(FAULTS.length)]!;
  disk.fail = (step) => {
    if (disk.steps < from || disk.steps >= until) return;
    if (kind.name === "short") return step === "write" ? 1 + world.upTo(500) : undefined;
    if (!kind.steps.includes(step)) return;
    world.faulted();
    world.trace?.(`      ${kind.name}`);
    throw Object.assign(new Error(kind.name), { code: kind.name });
  };
}

const FAULTS: readonly { readonly name: string; readonly steps: readonly DiskStep[] }[] = [
  { name: "EIO", steps: ["sync", "synced"] },
  { name: "EIO", steps: ["write", "truncate", "rename", "remove"] },
  { name: "ENOSPC", steps: ["write", "create", "mkdir"] },
  { name: "EMFILE", steps: ["create"] },
  { name: "short", steps: [] },
];
