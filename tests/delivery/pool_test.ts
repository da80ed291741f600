import assert from "node:assert/strict";
import type { Conversation } from "../../src/delivery/conversation.ts";
import type { Fact } from "../../src/delivery/finding.ts";
import { type Lease, Pool } from "../../src/delivery/pool.ts";
import { FakeClock, settled } from "../kit/fake_clock.ts";
import { test } from "../kit/test.ts";

/** A conversation as far as the pool knows one. */
class Line {
  static open = 0;
  messages = 0;
  usable = true;
  held = false;
  /** Of whose last mail it is. */
  site: string | undefined;
  quits = 0;
  readonly peer = {
    closed: false,
    onIdle: undefined as (() => void) | undefined,
    allow() {},
    idle(over: () => void) {
      this.onIdle = over;
    },
  };
  constructor() {
    Line.open++;
  }
  break(): void {
    this.usable = false;
    if (!this.peer.closed) Line.open--;
    this.peer.closed = true;
  }
  async quit(): Promise<void> {
    this.quits++;
    await settled();
    this.break();
  }
  get asConversation(): Conversation {
    return this as unknown as Conversation;
  }
}
const lineOf = (lease: Lease) => lease.conversation as unknown as Line;
const LIMITS = { idleMs: 1000, messagesPerConnection: 7, connectionsPerDestination: 3 };
const REFUSED: Fact = { stage: "connect", finding: { kind: "unreachable", detail: "no", slow: false } };
const never = new AbortController().signal;

test("under any mix of work, faults, aborts and idleness no connection is leased twice and none leaks", async () => {
  let seed = 7;
  const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
  for (let round = 0; round < 30; round++) {
    Line.open = 0;
    const clock = new FakeClock();
    const pool = new Pool(clock);
    const lines: Line[] = [];
    let inUse = 0;
    const open = async () => {
      await settled();
      if (random() < 0.15) return REFUSED;
      if (random() < 0.05) throw new Error("a bug in opening");
      const line = new Line();
      lines.push(line);
      return line.asConversation;
    };
    // Shares of sites reach over destinations, and a site without a table has none.
    const sites = [{ name: "s", connections: 2 }, { name: "t", connections: 4 }, undefined];
    const work = async (key: string) => {
      const site = round % 2 === 0 ? undefined : sites[Math.floor(random() * 3)];
      const abort = new AbortController();
      if (random() < 0.1) setTimeout(() => abort.abort(new Error("aborted")), random() * 3);
      let lease: Lease | Fact;
      try {
        lease = await pool.lease(key, { ...LIMITS, ...(site && { site }) }, random() < 0.1, open, abort.signal);
      } catch {
        return;
      }
      if ("finding" in lease) return;
      using held = lease;
      const line = lineOf(held);
      assert.equal(line.held, false, "leased twice");
      assert.equal(line.usable, true, "what broke was given out");
      line.held = true;
      line.site = site?.name;
      for (const one of sites) {
        const open = lines.filter((each) => one !== undefined && each.site === one.name && !each.peer.closed);
        assert.ok(open.length <= (one?.connections ?? 0), `${one?.name} has ${open.length} open`);
      }
      inUse++;
      assert.ok(Line.open <= 6, "more open than two destinations may have");
      line.messages++;
      await settled();
      if (random() < 0.1) line.break();
      line.held = false;
      inUse--;
    };
    const running: Promise<void>[] = [];
    for (let i = 0; i < 60; i++) {
      running.push(work(random() < 0.5 ? "a" : "b"));
      if (random() < 0.3) await settled();
      if (random() < 0.1) { for (const line of lines) line.peer.onIdle?.(); }
    }
    await Promise.all(running);
    assert.equal(inUse, 0);
    assert.equal(pool.counts.waiting, 0);
    await pool.stop();
    assert.deepEqual(pool.counts, { connections: 0, idle: 0, waiting: 0 }, `round ${round}`);
    assert.equal(Line.open, 0, "a connection was forgotten");
    assert.ok(lines.every((line) => line.messages <= LIMITS.messagesPerConnection));
  }
});

test("whoever waits is served in order, and gets the connection that comes back", async () => {
  const pool = new Pool(new FakeClock());
  const open = () => Promise.resolve(new Line().asConversation);
  const limits = { ...LIMITS, connectionsPerDestination: 1 };
  const first = await pool.lease("k", limits, false, open, never) as Lease;
  const order: number[] = [];
  const others = [1, 2, 3].map(async (n) => {
    using lease = await pool.lease("k", limits, false, open, never) as Lease;
    order.push(n);
    assert.equal(lease.conversation, first.conversation);
  });
  await settled();
  assert.equal(pool.counts.waiting, 3);
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  await Promise.all(others);
  assert.deepEqual(order, [1, 2, 3]);
  assert.equal(pool.opened, 1);
  await pool.stop();
});

test("a waiter that is aborted leaves the line", async () => {
  const pool = new Pool(new FakeClock());
  const open = () => Promise.resolve(new Line().asConversation);
  const limits = { ...LIMITS, connectionsPerDestination: 1 };
  const first = await pool.lease("k", limits, false, open, never) as Lease;
  const abort = new AbortController();
  const waiting = Promise.resolve(pool.lease("k", limits, false, open, abort.signal));
  abort.abort(new Error("enough"));
  await assert.rejects(waiting, /enough/);
  assert.equal(pool.counts.waiting, 0);
  first[Symbol.dispose]();
  await pool.stop();
});

test("a connection takes leave after its share of messages", async () => {
  const pool = new Pool(new FakeClock());
  const made: Line[] = [];
  const open = () => Promise.resolve((made[made.push(new Line()) - 1]!).asConversation);
  for (let i = 0; i < 10; i++) {
    using lease = await pool.lease("k", LIMITS, false, open, never) as Lease;
    lineOf(lease).messages++;
  }
  assert.equal(made.length, 2);
  assert.equal(made[0]!.quits, 1);
  await pool.stop();
});

test("a host that could not be reached is remembered, longer each time, and forgotten when it answers", async () => {
  const clock = new FakeClock();
  const pool = new Pool(clock);
  const fail = () => pool.lease("k", LIMITS, false, () => Promise.resolve(REFUSED), never);
  assert.equal(pool.unreachable("k"), undefined);
  await fail();
  assert.equal(pool.unreachable("k"), REFUSED);
  await clock.advance(5_000);
  assert.equal(pool.unreachable("k"), undefined);
  await fail();
  await clock.advance(9_999);
  assert.equal(pool.unreachable("k"), REFUSED);
  using _lease = await pool.lease("k", LIMITS, false, () => Promise.resolve(new Line().asConversation), never) as Lease;
  assert.equal(pool.unreachable("k"), undefined);
});

test("those who wait for a host that turns out not to answer are told, instead of trying one after the other", async () => {
  const pool = new Pool(new FakeClock());
  const limits = { ...LIMITS, connectionsPerDestination: 1 };
  let tried = 0;
  const open = async () => {
    tried++;
    await settled();
    return REFUSED;
  };
  const all = await Promise.all([1, 2, 3].map(() => pool.lease("k", limits, false, open, never)));
  assert.deepEqual(all, [REFUSED, REFUSED, REFUSED]);
  assert.equal(tried, 1);
  assert.deepEqual(pool.counts, { connections: 0, idle: 0, waiting: 0 });
});

test("a site has no more open than its share over all of its hosts: what is idle makes room", async () => {
  const pool = new Pool(new FakeClock());
  const lines: Line[] = [];
  const open = () => {
    lines.push(new Line());
    return Promise.resolve(lines.at(-1)!.asConversation);
  };
  const limits = { ...LIMITS, site: { name: "s", connections: 2 } };
  const lease = (key: string, more = limits) => pool.lease(key, more, false, open, never) as Promise<Lease>;
  for (const key of ["k1", "k2"]) (await lease(key))[Symbol.dispose]();
  assert.equal(pool.counts.idle, 2);
  const third = await lease("k3");
  assert.deepEqual(lines.map(({ quits }) => quits), [1, 0, 0], "the one idle the longest left");
  const second = await lease("k2");
  assert.equal(lineOf(second), lines[1], "the other is used again");
  let served = false;
  const waiting = lease("k1").then((held) => {
    served = true;
    return held;
  });
  await settled();
  assert.deepEqual([served, pool.counts.waiting], [false, 1]);
  // Another site's mail to the same host is not held up.
  (await lease("k1", { ...limits, site: { name: "other", connections: 1 } }))[Symbol.dispose]();
  third[Symbol.dispose]();
  (await waiting)[Symbol.dispose]();
  second[Symbol.dispose]();
  // A share that grows serves those who wait.
  const held = [await lease("k1"), await lease("k1")];
  const more = lease("k1");
  await settled();
  const wider = { ...limits, site: { name: "s", connections: 4 } };
  const [wide, late] = await Promise.all([lease("k2", wider), more]);
  for (const each of [...held, wide, late]) each[Symbol.dispose]();
  await pool.stop();
  assert.deepEqual(pool.counts, { connections: 0, idle: 0, waiting: 0 });
});
