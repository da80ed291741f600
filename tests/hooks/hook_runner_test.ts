import assert from "node:assert/strict";
import { HookRunner } from "../../src/hooks/hook_runner.ts";
import type { HookTable } from "../../src/hooks/plugin.ts";
import { answer, defer, deny, hangUp, ok } from "../../src/hooks/verdict.ts";
import { FakeClock } from "../kit/fake_clock.ts";
import { fakeSession, recipient } from "../kit/fake_session.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { test } from "../kit/test.ts";

function bench(options: { onFault?: "defer" | "continue" } = {}) {
  const clock = new FakeClock();
  const memory = memoryLog();
  const runner = new HookRunner({ clock, log: memory.log, ...options });
  const session = fakeSession({ from: "a@client.test", to: ["b@kasi.test"] });
  const transaction = session.transaction!;
  return {
    clock,
    memory,
    runner,
    session,
    transaction,
    add: (name: string, table: HookTable, timeoutMs?: number) =>
      runner.add(timeoutMs === undefined ? { name } : { name, timeoutMs }, table),
    rcpt: (signal?: AbortSignal) =>
      runner.run("rcpt", { session, transaction, recipient: recipient("b@kasi.test") }, {
        log: memory.log,
        ...(signal && { signal }),
      }),
    base: { session },
    log: { log: memory.log },
  };
}

test("a hook nobody listens at gives the same empty outcome at once", () => {
  const b = bench();
  assert.equal(b.runner.has("rcpt"), false);
  const outcome = b.rcpt();
  assert.deepEqual(outcome, { verdict: undefined, by: undefined });
  assert.equal(outcome, b.rcpt());
});

test("functions run by priority, lower first, clamped to ±100, and by their order where it is equal [row 74]", () => {
  const b = bench();
  const ran: string[] = [];
  const note = (name: string, priority?: number) =>
    b.add(
      name,
      {
        rcpt: priority === undefined ? () => void ran.push(name) : { priority, run: () => void ran.push(name) },
      } as HookTable,
    );
  note("late", 100);
  note("beyond", 5000);
  note("first zero");
  note("second zero", 0);
  note("early", -100);
  note("before", -5000);
  note("middle", -7);
  b.rcpt();
  assert.deepEqual(ran, ["early", "before", "middle", "first zero", "second zero", "late", "beyond"]);
  assert.deepEqual(b.runner.order().map(({ priority }) => priority), [-100, -100, -7, 0, 0, 100, 100]);
});

test("the first verdict ends the chain and names who gave it", () => {
  const b = bench();
  b.add("silent", { rcpt: () => undefined });
  b.add("kind", { rcpt: () => ok("fine") });
  b.add("never", { rcpt: () => assert.fail("asked although the chain was over") });
  assert.deepEqual(b.rcpt(), { verdict: { kind: "ok", text: "fine" }, by: "kind" });
  assert.deepEqual(b.memory.of("verdict"), [{ hook: "rcpt", plugin: "kind", verdict: "ok", msg: "fine", ms: 0 }]);
});

test("a function that answers at once costs no promise and no timer; one that promises has a timer while it runs", async () => {
  const b = bench();
  b.add("quick", { rcpt: () => undefined });
  assert.ok(!(b.rcpt() instanceof Promise));
  assert.equal(b.clock.pending, 0);
  const { promise, resolve } = Promise.withResolvers<undefined>();
  b.add("slow", { rcpt: () => promise });
  const outcome = b.rcpt();
  assert.ok(outcome instanceof Promise);
  assert.equal(b.clock.pending, 1);
  resolve(undefined);
  assert.equal((await outcome).verdict, undefined);
  assert.equal(b.clock.pending, 0);
});

test("a late function defers, is named in the log, sees its signal aborted, and its late answer is not heard", async () => {
  const b = bench();
  let signal: AbortSignal | undefined;
  const { promise, resolve } = Promise.withResolvers<ReturnType<typeof ok>>();
  b.add("sleepy", {
    rcpt(event) {
      signal = event.signal;
      return promise;
    },
  }, 1500);
  const outcome = b.rcpt() as Promise<{ verdict: { kind: string; reply: { code: number } }; by: string }>;
  await b.clock.advance(1499);
  assert.equal(signal!.aborted, false);
  await b.clock.advance(1);
  const { verdict, by } = await outcome;
  assert.equal(verdict.kind, "defer");
  assert.equal(verdict.reply.code, 451);
  assert.equal(by, "sleepy");
  assert.equal(signal!.aborted, true);
  assert.deepEqual(b.memory.of("plugin_fault"), [{ plugin: "sleepy", hook: "rcpt", reason: "no answer within 1.5 s" }]);
  assert.equal(b.memory.items.find(({ message }) => message.includes("sleepy"))?.level, "CRIT");
  resolve(ok());
  await promise;
});

test("the deadline is 30 s by default, and 0 means none", async () => {
  const b = bench();
  b.add("patient", { mail: () => new Promise<undefined>(() => {}) }, 0);
  b.add("plain", { noop: () => new Promise<undefined>(() => {}) });
  const { session, transaction } = b;
  b.runner.run("mail", { session, transaction, sender: transaction.sender, parameters: new Map() }, b.log);
  assert.equal(b.clock.pending, 0);
  b.runner.run("noop", b.base, b.log);
  assert.equal(b.clock.untilNext, 30_000);
});

test("a throw defers by default; on_fault=continue carries on as Haraka does [row 77]", async () => {
  for (
    const broken of [() => {
      throw new TypeError("x is undefined");
    }, () => Promise.reject(new TypeError("x is undefined"))]
  ) {
    const strict = bench();
    strict.add("broken", { rcpt: broken });
    strict.add("next", { rcpt: () => ok() });
    const outcome = await strict.rcpt();
    assert.equal(outcome.by, "broken");
    assert.deepEqual(outcome.verdict, {
      kind: "defer",
      reply: { code: 451, enhanced: "4.3.0", text: "Local trouble, try again later" },
    });
    const lax = bench({ onFault: "continue" });
    lax.add("broken", { rcpt: broken });
    lax.add("next", { rcpt: () => ok() });
    assert.equal((await lax.rcpt()).by, "next");
    for (const { memory } of [strict, lax]) {
      assert.deepEqual(memory.of("plugin_fault"), [
        { plugin: "broken", hook: "rcpt", reason: "TypeError: x is undefined" },
      ]);
      assert.equal(memory.items.find(({ message }) => message.includes("broken"))?.level, "CRIT");
    }
  }
});

test("all functions of connect_init and disconnect run, whatever they say or throw [row 82]", async () => {
  for (const name of ["connect_init", "disconnect"] as const) {
    const b = bench();
    const ran: string[] = [];
    b.add("refuses", { [name]: () => (ran.push("refuses"), deny("no")) } as unknown as HookTable);
    b.add("throws", {
      [name]: () => {
        ran.push("throws");
        throw new Error("boom");
      },
    });
    b.add("waits", {
      [name]: async () => {
        ran.push("waits");
      },
    });
    b.add("last", { [name]: () => void ran.push("last") });
    assert.deepEqual(await b.runner.run(name, b.base, b.log), { verdict: undefined, by: undefined });
    assert.deepEqual(ran, ["refuses", "throws", "waits", "last"]);
  }
});

test("a deny hook overrules a refusal and the rest of the chain goes on", async () => {
  for (const slow of [false, true]) {
    const b = bench();
    const heard: unknown[] = [];
    b.add("strict", { rcpt: () => deny("spam", { code: 554 }) });
    b.add("second", { rcpt: () => defer("later") });
    b.add("kind", {
      deny({ by, at, refused, event }) {
        heard.push([by, at, refused.kind, (event as { recipient: unknown }).recipient !== undefined]);
        const verdict = by === "strict" ? ok() : undefined;
        return slow ? Promise.resolve(verdict) : verdict;
      },
    });
    const outcome = await b.rcpt();
    assert.equal(outcome.by, "second");
    assert.deepEqual(heard, [["strict", "rcpt", "deny", true], ["second", "rcpt", "defer", true]]);
  }
});

test("an overruled refusal with nobody behind it comes to nothing said", () => {
  const b = bench();
  b.add("strict", { rcpt: () => hangUp() });
  b.add("kind", { deny: () => ok() });
  assert.deepEqual(b.rcpt(), { verdict: undefined, by: undefined });
});

test("a plugin on the transaction's skip list is passed over, at every hook while the transaction lasts [row 84]", () => {
  const b = bench();
  let asked = 0;
  b.add("noisy", { rcpt: () => void asked++, noop: () => void asked++, data: () => void asked++ });
  const { session, transaction } = b;
  const all = () => {
    b.rcpt();
    b.runner.run("noop", { session }, b.log);
    b.runner.run("data", { session, transaction }, b.log);
  };
  all();
  assert.equal(asked, 3);
  transaction.skipPlugins.add("noisy");
  all();
  assert.equal(asked, 3);
});

test("an abort from outside ends the run at once with nothing said; the late answer and a late throw are ignored", async () => {
  for (const end of ["resolve", "reject"] as const) {
    const b = bench();
    const gone = new AbortController();
    const { promise, ...settle } = Promise.withResolvers<any>();
    let signal: AbortSignal | undefined;
    b.add("busy", {
      rcpt(event) {
        signal = event.signal;
        return promise;
      },
    });
    b.add("never", { rcpt: () => assert.fail("asked although the client had gone") });
    const outcome = b.rcpt(gone.signal);
    gone.abort(new Error("the client has gone"));
    assert.deepEqual(await outcome, { verdict: undefined, by: undefined });
    assert.equal(signal!.aborted, true);
    assert.equal(b.clock.pending, 0);
    settle[end](end === "resolve" ? deny("too late") : new Error("too late"));
    await b.clock.advance(0);
    assert.deepEqual(b.memory.events, []);
    assert.deepEqual(b.rcpt(gone.signal), { verdict: undefined, by: undefined });
  }
});

test("the signal is one per call, taken whenever it is asked for, and follows the run's", async () => {
  const b = bench();
  const gone = new AbortController();
  const seen: AbortSignal[] = [];
  let late: { readonly signal: AbortSignal } | undefined;
  b.add("one", { rcpt: (event) => void seen.push(event.signal, event.signal) });
  b.add("two", { rcpt: (event) => ((late = event), new Promise<undefined>(() => {})) }, 10);
  const outcome = b.rcpt(gone.signal);
  await b.clock.advance(10);
  await outcome;
  assert.equal(seen[0], seen[1]);
  assert.equal(seen[0]!.aborted, false);
  assert.equal(late!.signal.aborted, true, "first asked for after the deadline");
});

test("a verdict that the hook may not give is logged and passed over, and so is what is no verdict", () => {
  for (const said of [answer("x"), "DENY", 902, { kind: "maybe" }, { kind: "deny" }, [ok()]]) {
    const b = bench();
    b.add("plain", { rcpt: (() => said) as never });
    b.add("next", { rcpt: () => ok() });
    assert.equal((b.rcpt() as { by: string }).by, "next");
    assert.match(b.memory.text(), /plain said .* at rcpt, which means nothing there/);
  }
  const b = bench();
  b.add("plain", { data: (() => ok()) as never });
  const event = { ...b.base, transaction: undefined as never };
  assert.deepEqual(b.runner.run("data", event, b.log), { verdict: undefined, by: undefined });
});

test("a hook may answer with a value", () => {
  const b = bench();
  b.add("dns", { lookup_rdns: () => answer("mx.example.net") });
  assert.deepEqual(b.runner.run("lookup_rdns", b.base, b.log), { verdict: answer("mx.example.net"), by: "dns" });
});

test("faults and verdicts of a log hook are not logged, or they would log for ever", () => {
  const b = bench();
  b.add("broken", {
    log: () => {
      throw new Error("no");
    },
  });
  b.add("sink", { log: () => ok() });
  const before = b.memory.items.length;
  const item = { time: 0, level: "INFO", uuid: "", origin: "core", message: "m", fields: {} } as const;
  assert.equal((b.runner.run("log", { item }, b.log) as { by: string }).by, "sink");
  assert.equal(b.memory.items.length, before);
});

test("an entry that is no function is refused by the plugin's name; an unknown hook is noted", () => {
  const b = bench();
  assert.throws(() => b.add("odd", { rcpt: 7 } as never), /Plugin odd: hook rcpt is 7; wanted: a function/);
  b.add("typo", { recpt: () => undefined, "typo:own": () => undefined } as never);
  assert.match(b.memory.text(), /typo listens at recpt, which is no hook of the engine/);
  assert.doesNotMatch(b.memory.text(), /typo:own/);
});

test("whatever plain JavaScript hands in, a run never rejects", async () => {
  const odd: unknown[] = [
    { kind: "deny", reply: null },
    { kind: "deny" },
    {
      then() {
        throw new Error("no promise at all");
      },
    },
    { then: (_: unknown, reject: (reason: unknown) => void) => reject(undefined) },
  ];
  for (const said of odd) {
    const b = bench();
    b.add("odd", { rcpt: (() => said) as never });
    b.add("after", { rcpt: () => ok() });
    const { verdict } = await b.rcpt();
    // A fault defers; a verdict that is none is passed over.
    assert.equal(verdict?.kind, typeof (said as { then?: unknown }).then === "function" ? "defer" : "ok");
  }
});
