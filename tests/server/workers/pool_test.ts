import assert from "node:assert/strict";
import type { Thread } from "../../../src/host/types.ts";
import { SharedSlots, slotMemory } from "../../../src/queue/shared_slots.ts";
import type { FromWorker, ToWorker, WorkerData } from "../../../src/server/workers/messages.ts";
import { startWorkers, WorkerError } from "../../../src/server/workers/pool.ts";
import { FakeClock, settled } from "../../kit/fake_clock.ts";
import { memoryLog } from "../../kit/memory_log.ts";
import { test } from "../../kit/test.ts";

/** A thread that does as the test says. */
class FakeThread implements Thread {
  readonly data: WorkerData;
  readonly told: ToWorker[] = [];
  readonly #end = Promise.withResolvers<{ code: number; fault?: unknown }>();
  readonly ended = this.#end.promise;
  #listener: (message: unknown) => void = () => {};
  heed: (message: ToWorker) => void = (message) => {
    if (message.kind === "ask") this.say({ kind: "answer", id: message.id, gives: this.data.number });
    else this.end(0);
  };
  constructor(data: WorkerData) {
    this.data = data;
  }
  post(message: unknown): void {
    this.told.push(message as ToWorker);
    this.heed(message as ToWorker);
  }
  onMessage(listener: (message: unknown) => void): void {
    this.#listener = listener;
  }
  say(message: FromWorker): void {
    this.#listener(message);
  }
  end(code: number, fault?: unknown): void {
    this.#end.resolve(fault === undefined ? { code } : { code, fault });
  }
  terminate(): void {
    this.end(1);
  }
}

async function pool(count: number, onStart: (thread: FakeThread) => void = (thread) => thread.say({ kind: "ready" })) {
  const clock = new FakeClock();
  const log = memoryLog();
  const threads: FakeThread[] = [];
  const uncaught: string[] = [];
  const told: [string, unknown][] = [];
  const slots = slotMemory(count);
  const made = startWorkers({
    count,
    shared: { slots, paces: new SharedArrayBuffer(16), sessions: new SharedArrayBuffer(4 * count), counts: false },
    shardOf: (number) => `/queue/w${number}`,
    endpointsOf: () => [],
    startThread: (data) => {
      const thread = new FakeThread(data);
      threads.push(thread);
      queueMicrotask(() => data.rehearse ? thread.end(0) : onStart(thread));
      return thread;
    },
    clock,
    log: log.log,
    logging: { pass: (item) => void log.items.push(item) },
    onUncaught: (reason) => void uncaught.push(reason),
    onPlugin: (name, value) => void told.push([name, value]),
    endMs: () => 30_000,
  });
  return { made, clock, log, threads, uncaught, slots, told };
}

test("a worker that dies is replaced at once in its shard, and what it held is given back", async () => {
  const p = await pool(2);
  const workers = await p.made;
  assert.equal(workers.serving, 2);
  const held = new SharedSlots(p.slots, 0);
  const limits = { concurrencyMax: 1, perDestination: 1 };
  assert.equal(held.take("a.test", limits), undefined);
  p.threads[0]!.end(3);
  await settled();
  assert.deepEqual(p.threads.map(({ data }) => data.shard), ["/queue/w1", "/queue/w2", "/queue/w1"]);
  assert.equal(workers.serving, 2);
  assert.equal(new SharedSlots(p.slots, 1).take("a.test", limits), undefined);
  assert.match(p.log.text(), /\[CRIT\].*Worker 1 died with code 3/);
});

test("one that ends with 0 by itself is not replaced", async () => {
  const p = await pool(2);
  const workers = await p.made;
  p.threads[1]!.end(0);
  await settled();
  await p.clock.advance(100_000);
  assert.equal(p.threads.length, 2);
  assert.equal(workers.serving, 1);
});

test("one that keeps dying young is waited for ever longer, up to a minute; one that lived is not", async () => {
  const p = await pool(1);
  await p.made;
  const waits: number[] = [];
  for (let i = 0; i < 10; i++) {
    const before = p.clock.now();
    const count = p.threads.length;
    p.threads.at(-1)!.end(1, new Error("boom"));
    await settled();
    while (p.threads.length === count) await p.clock.advance(100);
    await settled();
    waits.push(p.clock.now() - before);
  }
  assert.deepEqual(waits, [0, 500, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000]);
  await p.clock.advance(11_000);
  p.threads.at(-1)!.end(1);
  await settled();
  assert.equal(p.threads.length, 12, "at once");
});

test("a start that one worker fails rejects with its reason and ends the others", async () => {
  const p = await pool(3, (thread) => {
    if (thread.data.number !== 2) return thread.say({ kind: "ready" });
    thread.say({ kind: "failed", reason: "Loading plugin x failed: it refused to start at init_child" });
    thread.end(1);
  });
  await assert.rejects(
    p.made,
    (fault: Error) => fault instanceof WorkerError && /refused to start/.test(fault.message),
  );
  for (const { told, data } of p.threads) {
    if (data.number !== 2) assert.deepEqual(told.map(({ kind }) => kind), ["stop"]);
  }
});

test("restart() rehearses, then replaces one after another; each ends before its successor begins", async () => {
  const p = await pool(2);
  const workers = await p.made;
  const order: string[] = [];
  for (const [i, thread] of p.threads.entries()) {
    thread.heed = (message) => {
      order.push(`${message.kind} ${i + 1}, ${p.threads.length} started`);
      p.clock.after(5000, () => thread.end(0));
    };
  }
  const restarted = workers.restart();
  await settled();
  assert.equal(p.threads[2]!.data.rehearse, true);
  for (let i = 0; i < 200; i++) await p.clock.advance(100);
  await restarted;
  assert.deepEqual(order, ["drain 1, 3 started", "drain 2, 4 started"]);
  assert.deepEqual(p.threads.slice(3).map(({ data }) => data.number), [1, 2]);
  assert.equal(workers.serving, 2);
});

test("one that does not end when told is ended by force, and the restart goes on", async () => {
  const p = await pool(1);
  const workers = await p.made;
  p.threads[0]!.heed = () => {};
  const restarted = workers.restart();
  for (let i = 0; i < 400; i++) await p.clock.advance(100);
  await restarted;
  assert.match(p.log.text(), /Worker 1 did not end in time/);
  assert.equal(p.threads.length, 3);
});

test("answers are those of all that serve; one that dies while it is asked has none, a refusal is everybody's", async () => {
  const p = await pool(3);
  const workers = await p.made;
  assert.deepEqual(await workers.ask("flush", undefined), [1, 2, 3]);
  p.threads[1]!.heed = () => p.threads[1]!.end(3);
  assert.deepEqual(await workers.ask("flush", undefined), [1, 3]);
  p.threads[2]!.heed = (message) => {
    if (message.kind === "ask") p.threads[2]!.say({ kind: "refusal", id: message.id, reason: "disk" });
  };
  await assert.rejects(workers.ask("order", { verb: "hold", filter: { id: "x" } }), /disk/);
});

test("one question goes to one worker, in turn; one that dies over it, or none at all, is a rejection", async () => {
  const p = await pool(2);
  const workers = await p.made;
  const asked = async () => await workers.askOne("flush", undefined);
  assert.deepEqual([await asked(), await asked(), await asked()], [1, 2, 1]);
  p.threads[1]!.heed = () => p.threads[1]!.end(0);
  await assert.rejects(asked(), /Worker 2 went away before it answered/);
  assert.deepEqual([await asked(), await asked()], [1, 1]);
  p.threads[0]!.end(0);
  for (let i = 0; i < 10; i++) await undefined;
  await assert.rejects(asked(), /No worker serves/);
});

test("what workers log and what nobody caught in them comes out here, in order; after stop() nobody is replaced", async () => {
  const p = await pool(1);
  const workers = await p.made;
  const line = (message: string) =>
    ({ time: 0, level: "INFO", uuid: "", origin: "core", message, fields: {} }) as const;
  p.threads[0]!.say({ kind: "log", items: [line("one"), line("two")] });
  p.threads[0]!.say({ kind: "uncaught", reason: "Error: x\n  at y" });
  assert.deepEqual(p.log.items.map(({ message }) => message).slice(-2), ["one", "two"]);
  assert.deepEqual(p.uncaught, ["Error: x\n  at y"]);
  await workers.stop(1000);
  assert.deepEqual(p.threads[0]!.told, [{ kind: "stop", deadlineMs: 1000 }]);
  await p.clock.advance(100_000);
  assert.equal(p.threads.length, 1);
});

test("a worker asks all of them by way of the main thread, one that is late is left out, and plugins' tidings are passed on", async () => {
  const p = await pool(2);
  await p.made;
  p.threads[1]!.heed = () => {};
  p.threads[0]!.say({ kind: "ask", id: 5, verb: "pools", takes: undefined });
  await settled();
  await p.clock.advance(1000);
  await settled();
  assert.deepEqual(p.threads[0]!.told.at(-1), { kind: "answers", id: 5, gives: [1] });
  p.threads[1]!.say({ kind: "plugin", name: "mine", value: { n: 1 } });
  assert.deepEqual(p.told, [["mine", { n: 1 }]]);
});

test("workers that died and were replaced are counted", async () => {
  const p = await pool(2);
  const workers = await p.made;
  assert.equal(workers.replaced, 0);
  p.threads[0]!.end(3);
  await settled();
  assert.equal(workers.replaced, 1);
});

test("a key is claimed once among all: a worker that repeats hears the other's id; one that died lets go; one that is not replaced is not waited for", async () => {
  const p = await pool(2);
  await p.made;
  const known = new Map<string, string>();
  const answer = (thread: FakeThread) => (message: ToWorker) => {
    if (message.kind !== "ask") return;
    const id = thread.data.number === 1 ? known.get(String(message.takes)) : undefined;
    thread.say({ kind: "answer", id: message.id, gives: id === undefined ? {} : { id } });
  };
  for (const thread of p.threads) thread.heed = answer(thread);
  const claimed = (thread: FakeThread) => thread.told.filter((message) => message.kind === "claimed");
  const [one, two] = p.threads as [FakeThread, FakeThread];
  one.say({ kind: "claim", id: 1, key: "k" });
  two.say({ kind: "claim", id: 7, key: "k" });
  await settled();
  assert.deepEqual(claimed(one), [{ kind: "claimed", id: 1, claim: {} }]);
  assert.deepEqual(claimed(two), []);
  known.set("k", "M");
  one.say({ kind: "unclaim", key: "k" });
  await settled();
  assert.deepEqual(claimed(two), [{ kind: "claimed", id: 7, claim: { id: "M" } }]);

  one.say({ kind: "claim", id: 2, key: "other" });
  await settled();
  two.say({ kind: "claim", id: 8, key: "other" });
  one.end(3);
  await settled();
  const successor = p.threads[2]!;
  successor.heed = answer(successor);
  await p.clock.advance(2000);
  assert.deepEqual(claimed(two).at(-1), { kind: "claimed", id: 8, claim: {} });

  successor.end(0);
  await settled();
  two.say({ kind: "claim", id: 9, key: "third" });
  await p.clock.advance(100);
  assert.deepEqual(claimed(two).at(-1), { kind: "claimed", id: 9, claim: {} });
});
