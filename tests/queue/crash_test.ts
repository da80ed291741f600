/**
 * The machine dies at every write and sync of a mixed workload, and what it forgot is drawn by lot. Nothing acknowledged may be lost, and
 * nothing done twice but what was done in the last moment before a crash. `KASI_LONG=1` runs many seeds.
 */
import assert from "node:assert/strict";
import process from "node:process";
import type { Outcome } from "../../src/hooks/outbound.ts";
import { CrashDisk, seeded } from "../kit/crash_disk.ts";
import { FakeClock } from "../kit/fake_clock.ts";
import { test } from "../kit/test.ts";
import { type Bench, bench, envelope, MINUTE } from "./queue_kit.ts";

const LONG = process.env.KASI_LONG === "1";
const SEEDS = LONG ? 400 : 3;
const DAY = 24 * 60 * MINUTE;
/** A note's wait for company, generously. */
const WINDOW_MS = 100;

/** `name@domain`, once for each thing that may be done about it. */
interface Fate {
  /** Acknowledged to the client. */
  acknowledged: boolean;
  /** Its removal by the operator was asked for. */
  removed: boolean;
  /** When it was delivered, or reported to its sender. */
  done: number[];
}

interface World {
  readonly random: () => number;
  readonly fates: Map<string, Fate>;
  readonly crashes: number[];
  clock: FakeClock;
}

async function boot(world: World, disk: CrashDisk, allWell = false): Promise<Bench> {
  const b = await bench({
    disk,
    clock: world.clock,
    settings: { bodyThreshold: 1500, intervals: [MINUTE, MINUTE, 5 * MINUTE, DAY, DAY, DAY, DAY], memoryBudget: 4000 },
    options: { segmentBytes: 4096, random: (into) => into.fill(Math.floor(world.random() * 256)) },
  });
  b.courier.verdicts = (address, item) => {
    if (disk.dead) throw new Error("dead");
    if (item.envelope.sender.isNull()) return "delivered";
    if (allWell) return done(world, address);
    const dice = world.random();
    const kind: Outcome["kind"] = dice < 0.5 ? "delivered" : dice < 0.8 ? "deferred" : "failed";
    return kind === "delivered" ? done(world, address) : kind;
  };
  const deliver = b.courier.deliver.bind(b.courier);
  b.courier.deliver = async (item, message, ...rest) => {
    const attempt = await deliver(item, message, ...rest);
    // A report that arrives has told the sender of each of its recipients.
    if (item.envelope.sender.isNull()) {
      const { text } = b.courier.deliveries.findLast(({ id }) => id === item.id)!;
      for (const [, address] of text.matchAll(/^Final-Recipient: rfc822; (.*)\r$/gm)) done(world, address!);
    }
    return attempt;
  };
  return b;
}

function done(world: World, address: string): "delivered" {
  world.fates.get(address)!.done.push(world.clock.now());
  return "delivered";
}

/** Works until the machine dies or nothing is left to do. */
async function work(world: World, b: Bench, run: string): Promise<void> {
  const { random, fates } = world;
  for (let n = 0; n < 12 && !b.disk.dead; n++) {
    const dice = random();
    if (dice < 0.6) {
      const id = `${run}-${n}`;
      const count = 1 + Math.floor(random() * 3);
      const names = Array.from({ length: count }, (_, i) => `${id}-${i}@${random() < 0.5 ? "one" : "two"}.example`);
      for (const name of names) fates.set(name, { acknowledged: false, removed: false, done: [] });
      const accepted = random() < 0.25
        ? large(b, id, names)
        : b.accept(id, names, "us@home.example", "x".repeat(random() * 1000));
      accepted.then(() => names.forEach((name) => fates.get(name)!.acknowledged = true), () => {});
      if (random() < 0.5) await accepted.catch(() => {});
    } else if (dice < 0.65) b.queue.flush();
    else if (dice < 0.75) {
      const item = attempt(() => b.queue.list({ state: "waiting", limit: 3 }).at(-1));
      if (item !== undefined) {
        await b.queue.hold(item.id).then(() => b.queue.release(item.id)).catch(() => {});
      }
    } else if (dice < 0.8) {
      const item = attempt(() => b.queue.list({ state: "waiting" }).find(({ sender }) => sender !== ""));
      for (const name of item?.recipients ?? []) fates.get(name) && (fates.get(name)!.removed = true);
      if (item !== undefined) await b.queue.remove(item.id).catch(() => {});
    } else await b.clock.advance(random() < 0.5 ? 30 : 2 * MINUTE);
  }
  await b.clock.advance(500);
}

async function large(b: Bench, id: string, names: string[]): Promise<void> {
  const { loadMessage } = await import("../../src/mail/message.ts");
  const spool = b.queue.spool();
  await spool.write(new TextEncoder().encode(`Message-Id: <${id}@t>\r\nDate: now\r\n\r\n${"y".repeat(3000)}`));
  await b.queue.accept(envelope(id, "us@home.example", names), await loadMessage(await spool.finish()));
}

function attempt<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}

/** One story: some crashes, each at a step of its own, then a quiet end. */
async function story(seed: number, crashAt: number): Promise<{ readonly steps: number }> {
  const random = seeded(seed);
  const world: World = { random, fates: new Map(), crashes: [], clock: new FakeClock() };
  let disk = new CrashDisk();
  let steps = 0;
  const crashes = crashAt === Infinity ? 0 : 1 + Math.floor(random() * 2);
  for (let life = 0; life <= crashes; life++) {
    disk.died = () => void world.crashes.push(world.clock.now());
    disk.crashAt = life === crashes ? Infinity : life === 0 ? crashAt : 1 + Math.floor(random() * 60);
    try {
      await work(world, await boot(world, disk), `m${life}`);
    } catch (error) {
      if (!disk.dead) throw error;
    }
    steps = Math.max(steps, disk.steps);
    if (life === crashes) break;
    disk = disk.afterCrash(random);
    world.clock = new FakeClock(world.clock.now());
  }
  // The last life ends orderly; another one clears the queue.
  world.crashes.push(world.clock.now());
  disk = disk.afterCrash(() => 0.99);
  world.clock = new FakeClock(world.clock.now() + 1000);
  const last = await boot(world, disk, true);
  assert.equal(last.log.of("queue_corrupt").filter(({ reason }) => reason.startsWith("meaningless")).length, 0);
  for (const { id } of last.queue.list({ state: "held" })) await last.queue.release(id);
  for (let day = 0; day < 10 && last.queue.list({ limit: 1 }).length > 0; day++) await last.clock.advance(DAY);
  assert.deepEqual(last.queue.list(), [], "the queue empties");
  for (const [name, fate] of world.fates) {
    if (fate.acknowledged && !fate.removed) assert.ok(fate.done.length > 0, `${name} was acknowledged and is lost`);
    // The last doing is the one that counts; each one before needs a crash right behind it.
    for (const at of fate.done.slice(0, -1)) {
      const excused = world.crashes.some((crash) => crash >= at && crash <= at + WINDOW_MS);
      assert.ok(excused, `${name} was done at ${fate.done} though no crash hid it: crashes at ${world.crashes}`);
    }
  }
  await last.queue.stop(0);
  assert.deepEqual(disk.names("/q/0/body"), [], "no body is left behind");
  return { steps };
}

for (let seed = 1; seed <= SEEDS; seed++) {
  test(`a crash at any step loses nothing that was acknowledged: seed ${seed}`, { timeoutMs: 600_000 }, async () => {
    const { steps } = await story(seed, Infinity);
    const stride = LONG ? 1 : 6;
    for (let at = 1 + seed % stride; at <= steps; at += stride) {
      try {
        await story(seed, at);
      } catch (error) {
        throw new Error(`Seed ${seed}, crash at step ${at}: ${error instanceof Error ? error.stack : error}`);
      }
    }
  });
}
