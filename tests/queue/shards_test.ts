import assert from "node:assert/strict";
import type { Host } from "../../src/host/types.ts";
import { readQueue } from "../../src/queue/list.ts";
import { dealShards, queueDirs, shardDir } from "../../src/queue/shards.ts";
import { CrashDisk, seeded } from "../kit/crash_disk.ts";
import { FakeClock } from "../kit/fake_clock.ts";
import { memoryMachine } from "../kit/memory_host.ts";
import { test } from "../kit/test.ts";
import { turn } from "./crash_world.ts";
import { bench } from "./queue_kit.ts";

const ROOT = "/queue";

/** A queue in a directory of a memory machine, delivering nothing. */
async function opened(host: Host, dir: string, clock = new FakeClock(undefined, turn)) {
  return await bench({ clock, options: { host, dir, segmentBytes: 400 }, settings: { bodyThreshold: 300 } });
}

/** Puts mail into a shard: `large` has a body of its own, one is deferred, one delivered; records of one mail lie in several segments. */
async function fill(host: Host, dir: string, prefix: string): Promise<void> {
  host.mkdirSync(dir, { recursive: true });
  const b = await opened(host, dir);
  b.courier.verdicts = (address) => address.startsWith("gone") ? "delivered" : "deferred";
  for (const name of ["gone-1", "kept-1", "gone-2", "kept-2"]) {
    await b.accept(
      `${prefix}-${name}`,
      [`${name}@there.example`],
      undefined,
      name === "kept-2" ? "x".repeat(500) : "x",
    );
    await b.clock.advance(50);
  }
  await b.queue.stop(0);
}

const served = (nodes: number) => nodes === 0 ? [ROOT] : Array.from({ length: nodes }, (_, i) => shardDir(ROOT, i + 1));

/** What all served shards come to, each with its count of attempts. */
async function found(host: Host, nodes: number): Promise<string[]> {
  const items: string[] = [];
  for (const dir of served(nodes)) {
    const b = await opened(host, dir);
    items.push(...b.queue.list().map(({ id, attempts, recipients }) => `${id} ${attempts} ${recipients}`));
    assert.doesNotMatch(b.log.text(), /corrupt|damaged|meaningless/);
    await b.queue.stop(0);
  }
  return items.sort();
}

const expected = (...prefixes: string[]) =>
  prefixes.flatMap((prefix) => [1, 2].map((n) => `${prefix}-kept-${n}.1 1 kept-${n}@there.example`)).sort();

test("shards that nobody serves go to those that are served, whatever the numbers of workers", async () => {
  const { host } = memoryMachine();
  await fill(host, ROOT, "root");
  for (const nodes of [2, 5, 1, 0, 3, 3, 0]) {
    await dealShards(host, ROOT, nodes);
    assert.deepEqual(await found(host, nodes), expected("root"), `${nodes} workers`);
    const shards = [...host.readDirSync(ROOT)].filter(({ name }) => /^w\d|^adopting/.test(name)).map(({ name }) =>
      name
    );
    assert.deepEqual(shards.sort(), nodes === 0 ? [] : served(nodes).map((dir) => dir.slice(ROOT.length + 1)));
  }
});

test("bodies move with their records, and a reader finds what is being handed over", async () => {
  const { host } = memoryMachine();
  await fill(host, shardDir(ROOT, 1), "one");
  await fill(host, shardDir(ROOT, 2), "two");
  assert.deepEqual(await dealShards(host, ROOT, 0), [shardDir(ROOT, 1), shardDir(ROOT, 2)]);
  const seen = queueDirs(host, ROOT).flatMap((dir) => readQueue(host, dir)).map(({ id }) => id);
  assert.deepEqual(seen.sort(), expected("one", "two").map((line) => line.split(" ")[0]));
  assert.deepEqual(await found(host, 0), expected("one", "two"));
  const b = await opened(host, ROOT);
  b.courier.verdicts = () => "delivered";
  b.queue.flush();
  await b.clock.advance(100);
  assert.equal(b.courier.deliveries.filter(({ text }) => text.includes("x".repeat(500))).length, 2);
  await b.queue.stop(0);
});

test("nothing is lost, doubled or forgotten when it is broken off at any step and begun anew with any number of workers", async () => {
  let most = 0;
  for (const [from, to] of [[0, 2], [2, 0], [3, 1]] as const) {
    for (const next of [0, 1, 2]) {
      for (let crashAt = 1;; crashAt++) {
        const { host } = memoryMachine();
        for (const [i, dir] of served(from).entries()) await fill(host, dir, `s${i}`);
        const all = expected(...served(from).map((_, i) => `s${i}`));
        let step = 0;
        const dying: Host = Object.create(host, {
          renameSync: { value: (a: string, b: string) => (dieAt(), host.renameSync(a, b)) },
          removeSync: { value: (path: string) => (dieAt(), host.removeSync(path)) },
        });
        const dieAt = () => {
          if (++step === crashAt) throw new Error("power cut");
        };
        const died = await (async () => {
          await dealShards(dying, ROOT, to);
          for (const dir of served(to)) await (await opened(dying, dir)).queue.stop(0);
        })().then(() => false, () => true);
        await dealShards(host, ROOT, next);
        assert.deepEqual(await found(host, next), all, `from ${from} to ${to}, dead at step ${crashAt}, then ${next}`);
        most = Math.max(most, step);
        if (!died && step < crashAt) break;
      }
    }
  }
  assert.ok(most > 10, `it was broken off at ${most} steps`);
});

test("shards keep their order, and bodies their directory, when the power fails at any step and names that were not synced are lost", async () => {
  for (let crashAt = 1;; crashAt++) {
    const disk = new CrashDisk();
    disk.lasting = false;
    await fill(disk.host, ROOT, "root");
    disk.steps = 0;
    disk.crashAt = crashAt;
    const died = await dealShards(disk.host, ROOT, 2).then(() => opened(disk.host, shardDir(ROOT, 1))).then(
      () => false,
      () => true,
    );
    for (let seed = 0; seed < 3; seed++) {
      const after = disk.afterCrash(seeded(seed));
      await dealShards(after.host, ROOT, 0);
      assert.deepEqual(await found(after.host, 0), expected("root"), `dead at step ${crashAt}, seed ${seed}`);
    }
    if (!died && disk.steps < crashAt) break;
  }
});

test("a segment whose removal was under way when the process died does not come back behind those that were handed over", async () => {
  for (let crashAt = 1;; crashAt++) {
    const disk = new CrashDisk();
    disk.fail = (step) => {
      if (step === "remove") throw new Error("EIO");
    };
    const options = { host: disk.host, dir: shardDir(ROOT, 1), segmentBytes: 100 };
    disk.host.mkdirSync(options.dir, { recursive: true });
    const b = await bench({ clock: new FakeClock(undefined, turn), options });
    await b.accept("gone-1", ["x@there.example"]);
    await b.clock.advance(50);
    await b.queue.stop(0);
    disk.fail = () => {};
    // As the clean-up does it; what should have made it safe never came.
    disk.host.removeSync(`${options.dir}/000001.log`);
    const next = disk.afterKill();
    next.crashAt = crashAt;
    const died = await dealShards(next.host, ROOT, 0).then(() => opened(next.host, ROOT)).then(() => false, () => true);
    let calls = 0;
    const after = next.afterCrash(() => calls++ === 0 ? 0.1 : 0.99);
    await dealShards(after.host, ROOT, 0);
    const left = await found(after.host, 0);
    assert.ok(!left.some((item) => item.includes("gone-1")), `dead at step ${crashAt}: ${left}`);
    if (!died) break;
  }
});
