import assert from "node:assert/strict";
import plugin from "../../plugins/limit.ts";
import { CountTrouble, MemoryCounts, RedisCounts } from "../../plugins/limit_counts.ts";
import { findRate, hostKeys, mailKeys, parseRate, readRates } from "../../plugins/limit_rates.ts";
import type { HookName } from "../../src/hooks/points.ts";
import type { RedisLink } from "../../src/host/types.ts";
import { loadPlugins } from "../../src/hooks/loader.ts";
import { FakeClock } from "../kit/fake_clock.ts";
import { type FakeSession, fakeSession, type FakeSessionOptions } from "../kit/fake_session.ts";
import { type HookOptions, startPlugin } from "../kit/hook.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { MemoryRedis } from "../kit/memory_redis.ts";
import { pluginHost } from "../kit/plugin_host.ts";
import { sessionKit } from "../kit/session_kit.ts";
import { test } from "../kit/test.ts";

type Reply = {
  readonly kind: string;
  readonly reply?: { readonly code?: number; readonly text?: string };
  readonly hangUp?: true;
};

async function bench(ini: string, { shared = false, delay = 0 } = {}) {
  const started = await startPlugin(plugin, { files: { "limit.ini": `tarpit_delay=${delay}\n${ini}` } });
  const { machine, host } = started;
  const nobody = { onReady() {}, onTrouble() {} };
  if (shared) host.server.notes.set("redis", machine.redis.open({ hostname: "shared", port: 1, timeoutMs: 1 }, nobody));
  await started.run("init_child");
  const ask = async (hook: HookName, options: HookOptions) => {
    const verdict = (await started.run(hook, options)).verdict as Reply | undefined;
    return verdict && `${verdict.kind}${verdict.hangUp ? "+close" : ""}`;
  };
  return {
    ...started,
    ask,
    redis: machine.redis,
    pass: (seconds: number) => machine.clock.advance(seconds * 1000),
    async connect(options: FakeSessionOptions = {}) {
      const session = fakeSession({ ip: "198.51.100.7", ...options });
      await started.run("connect_init", { session });
      return { session, said: await ask("connect", { session }) };
    },
    async rcpt(to: string, options: HookOptions = {}) {
      const session = options.session ?? fakeSession({ from: "sender@client.test", ...options, to: [] });
      await started.run("connect_init", { session });
      return await ask("rcpt", { to, session });
    },
    results: (session: FakeSession) => session.results.get(plugin) as unknown as { readonly [key: string]: unknown },
  };
}
type Bench = Awaited<ReturnType<typeof bench>>;
const said = async (many: number, once: () => Promise<string | undefined>) => {
  const all: (string | undefined)[] = [];
  for (let i = 0; i < many; i++) all.push(await once());
  return all;
};

for (const shared of [false, true]) {
  const where = shared ? "counted in Redis" : "counted in memory";

  test(`[row 285] connections of an address at a time, ${where}: who is over is hung up on, and one that ends makes room`, async () => {
    const b = await bench("[concurrency]\nenabled=true\nmax=2\n", { shared });
    const [one, two, three] = [await b.connect(), await b.connect(), await b.connect()];
    assert.deepEqual([one.said, two.said, three.said], [undefined, undefined, "defer+close"]);
    assert.equal((await b.connect({ ip: "198.51.100.8" })).said, undefined);
    assert.deepEqual([b.results(two.session).concurrent, b.results(two.session).fail], ["2/2", []]);
    assert.deepEqual([b.results(three.session).concurrent, b.results(three.session).fail], ["3/2", [
      "concurrency.max",
    ]]);
    if (shared) {
      assert.equal(b.redis.value("concurrency|198.51.100.7"), "3");
      assert.equal(b.redis.ttl("concurrency|198.51.100.7"), 180);
    }
    for (const { session } of [two, three]) await b.run("disconnect", { session });
    await b.pass(100);
    assert.equal((await b.connect()).said, undefined);
    if (shared) assert.equal(b.redis.ttl("concurrency|198.51.100.7"), 180);
    assert.equal((await b.connect()).said, "defer+close");
    assert.equal((await b.connect({ ip: "198.51.100.9" })).said, undefined);
  });

  test(`[row 285] connections in a time, ${where}: a window that slides; each address by itself, a beginning or a name together`, async () => {
    const b = await bench("[rate_conn]\nenabled=true\ndefault=2/1m\n203.0.113=3\nexample.com=1\n198.51.100.1=0\n", {
      shared,
    });
    const from = async (ip: string, host = "NXDOMAIN") => {
      const session = fakeSession({ ip });
      (session.remote as { host: string }).host = host;
      await b.run("connect_init", { session });
      return await b.ask("connect", { session });
    };
    assert.deepEqual(await said(3, () => from("198.51.100.7")), [undefined, undefined, "defer+close"]);
    assert.equal(await from("198.51.100.8"), undefined);
    assert.deepEqual(await said(3, () => from("198.51.100.1")), [undefined, undefined, undefined]);
    const net = [
      await from("203.0.113.1"),
      await from("203.0.113.2"),
      await from("203.0.113.3"),
      await from("203.0.113.4"),
    ];
    assert.deepEqual(net, [undefined, undefined, undefined, "defer+close"]);
    assert.deepEqual([await from("198.51.100.20", "a.example.com"), await from("198.51.100.21", "b.Example.com")], [
      undefined,
      "defer+close",
    ]);
    await b.pass(59);
    assert.equal(await from("198.51.100.7"), "defer+close");
    await b.pass(30);
    assert.equal(await from("198.51.100.7"), undefined);
    assert.equal(await from("198.51.100.7"), "defer+close");
    if (shared) {
      assert.equal(b.redis.ttl("rate_conn:198.51.100.7"), 120);
      assert.equal(Object.values(b.redis.hash("rate_conn:198.51.100.7")).length, 2);
    }
  });

  test(`[row 285] recipients in a time, ${where}: of a sender, of a recipient, of reports to one, and of a client that comes again`, async () => {
    const rates = ["rate_rcpt_sender", "rate_rcpt", "rate_rcpt_null"];
    const ini = (name: string) => `[${name}]\nenabled=true\ndefault=2/5m\njoe@a.test=1\nb.test=3/1h\nfree.test=0\n`;
    for (const name of rates) {
      const b = await bench(ini(name), { shared });
      const ask = (address: string) =>
        name === "rate_rcpt_sender"
          ? b.rcpt("x@y.test", { from: address })
          : b.rcpt(address, { from: name === "rate_rcpt" ? "me@c.test" : "" });
      assert.deepEqual(await said(3, () => ask("Ann@a.test")), [undefined, undefined, "defer"], name);
      assert.deepEqual(await said(2, () => ask("joe@A.test")), [undefined, "defer"]);
      // All of a domain, and of those below it, by one count.
      assert.deepEqual([await ask("a@b.test"), await ask("b@x.b.test"), await ask("c@b.test"), await ask("d@b.test")], [
        undefined,
        undefined,
        undefined,
        "defer",
      ]);
      assert.deepEqual(await said(4, () => ask("x@free.test")), [undefined, undefined, undefined, undefined]);
      if (shared) assert.equal(b.redis.ttl(`${name}:b.test`), 3600);
      await b.pass(300);
      assert.deepEqual(await said(3, () => ask("ann@a.test")), [undefined, undefined, "defer"]);
      assert.equal(await ask("d@b.test"), "defer");
      if (name === "rate_rcpt_null") assert.equal(await b.rcpt("ann@a.test", { from: "me@c.test" }), undefined);
      if (name === "rate_rcpt_sender") {
        assert.deepEqual(await said(3, () => ask("")), [undefined, undefined, undefined]);
      }
    }
    const b = await bench("[rate_rcpt_host]\nenabled=true\ndefault=2/5m\n", { shared });
    const { session } = await b.connect({ from: "me@c.test" });
    // Within one connection nobody is stopped.
    assert.deepEqual(await said(3, () => b.rcpt("x@y.test", { session })), [undefined, undefined, undefined]);
    const again = await b.connect();
    assert.deepEqual([again.said, b.results(again.session).fail], ["defer", ["rate_rcpt_host"]]);
    assert.equal(b.results(again.session).rate_rcpt_host, "198.51.100.7:3:2/5m");
    assert.equal((await b.connect({ ip: "198.51.100.8" })).said, undefined);
    await b.pass(300);
    assert.equal((await b.connect()).said, undefined);
  });

  test(`[row 286] deliveries to a domain at a time and in a time, ${where}: what is over waits, and what is settled makes room`, async () => {
    const b = await bench(
      "[outbound]\nenabled=true\na.test=2\ndelay=45\n[rate_outbound]\nenabled=true\nb.test=2/10m\ndefault=3\nfree.test=0\n",
      { shared },
    );
    const item = (id: string, domain: string) => ({ id, domain, log: b.log.log });
    const send = async (id: string, domain: string) => {
      const { verdict } = await b.run("send_email", { event: { item: item(id, domain) } });
      return verdict?.kind === "answer" ? verdict.value : undefined;
    };
    const settle = (hook: "delivered" | "deferred" | "bounce", id: string) =>
      b.run(hook, { event: { item: item(id, "a.test"), outcomes: [] } });
    assert.deepEqual([await send("1", "A.test"), await send("2", "a.test"), await send("3", "a.test")], [
      undefined,
      undefined,
      45,
    ]);
    if (shared) {
      assert.deepEqual(b.redis.hash("outbound-rate:a.test"), { TOTAL: "2" });
      assert.equal(b.redis.ttl("outbound-rate:a.test"), 300);
    }
    // Some recipients delivered to, some deferred: one item all the same. One that was never counted makes no room.
    for (const hook of ["delivered", "deferred"] as const) await settle(hook, "1");
    await settle("bounce", "9");
    await b.pass(60);
    assert.deepEqual([await send("3", "a.test"), await send("4", "a.test")], [undefined, 45]);
    assert.doesNotMatch(b.log.text(), /TypeError/);
    await settle("bounce", "2");
    await b.pass(60);
    assert.equal(await send("4", "a.test"), undefined);

    const rates = (domain: string) => said(4, async () => String(await send(crypto.randomUUID(), domain)));
    assert.deepEqual(await rates("b.test"), ["undefined", "undefined", "600", "600"]);
    assert.equal(await send("x", "mail.b.test"), 600);
    assert.deepEqual(await rates("c.test"), ["undefined", "undefined", "undefined", "60"]);
    assert.deepEqual(await rates("free.test"), ["undefined", "undefined", "undefined", "undefined"]);
    await b.pass(600);
    assert.equal(await send("y", "b.test"), undefined);
  });
}

test("[row 285] recipients, errors and unknown commands of a connection", async () => {
  const b = await bench(
    "[recipients]\nenabled=true\nmax=2\nmax_relaying=3\n[errors]\nenabled=true\nmax=1\n[unrecognized_commands]\nenabled=true\nmax=2\n",
  );
  const rcpt = async (accept: number, reject: number, relaying = false) => {
    const session = fakeSession({ from: "a@b.test", relaying });
    session.rcptCount = { accept, reject, tempfail: 0 };
    return [await b.rcpt("x@y.test", { session }), ...session.results.get(plugin)?.fail ?? []];
  };
  assert.deepEqual(await rcpt(1, 0), [undefined]);
  assert.deepEqual(await rcpt(1, 1), ["defer", "recipients.max"]);
  assert.deepEqual(await rcpt(1, 1, true), [undefined]);
  assert.deepEqual(await rcpt(3, 0, true), ["defer", "recipients.max"]);

  for (const hook of ["helo", "ehlo", "mail", "rcpt", "data"] as const) {
    const session = fakeSession({ from: "a@b.test" });
    await b.run("connect_init", { session });
    session.errors = 1;
    assert.equal(await b.ask(hook, { session, to: "x@y.test", event: { host: "x" } }), undefined);
    session.errors = 2;
    assert.equal(await b.ask(hook, { session, to: "x@y.test", event: { host: "x" } }), "defer+close", hook);
    assert.deepEqual(b.results(session).fail, ["errors.max"]);
  }

  const session = fakeSession();
  const unknown = () => b.ask("unrecognized_command", { session, event: { verb: "FOO", rest: "" } });
  assert.deepEqual(await said(3, unknown), [undefined, undefined, "defer+close"]);
  assert.deepEqual([b.results(session).unrec_cmds, b.results(session).fail], [["FOO", "FOO", "FOO"], [
    "unrec_cmds.max",
  ]]);
});

test("[row 285] the history that another plugin knows of a client takes the place of the usual limit", async () => {
  const b = await bench(
    "[concurrency]\nenabled=true\nmax=3\n[concurrency_history]\nenabled=true\n[rate_conn]\nenabled=true\ndefault=9\n203.0.113.9=1\n" +
      "[rate_conn_history]\nenabled=true\ngood=4/1m\nbad=2/1m\nnone=3/1m\n[recipients]\nenabled=true\nmax=1\n[recipients_history]\nenabled=true\ngood=9\n",
  );
  const came = async (ip: string, history: number | undefined) => {
    const session = fakeSession({ ip, from: "a@b.test" });
    if (history !== undefined) session.results.add("karma", { history });
    await b.run("connect_init", { session });
    const verdict = await b.ask("connect", { session });
    const { concurrent, rate_conn } = b.results(session);
    await b.run("disconnect", { session });
    session.rcptCount = { accept: 5, reject: 0, tempfail: 0 };
    return [verdict, concurrent, rate_conn, await b.rcpt("x@y.test", { session })];
  };
  assert.deepEqual(await came("198.51.100.1", 5), [undefined, "1/10", "198.51.100.1:1:4/1m", undefined]);
  assert.deepEqual(await came("198.51.100.2", -5), [undefined, "1/1", "198.51.100.2:1:2/1m", "defer"]);
  assert.deepEqual(await came("198.51.100.3", 0), [undefined, "1/2", "198.51.100.3:1:3/1m", "defer"]);
  assert.deepEqual(await came("198.51.100.4", undefined), [undefined, "1/3", "198.51.100.4:1:9", "defer"]);
  // Its own key says more than its history.
  assert.deepEqual((await came("203.0.113.9", 5)).slice(2, 3), ["203.0.113.9:1:1"]);
});

test("a report of the server's own, which comes from no client, is not held up on its way to the site's own plugins", async () => {
  const b = await bench("[rate_rcpt]\nenabled=true\ndefault=1\n[recipients]\nenabled=true\nmax=1\n");
  assert.deepEqual(await said(3, () => b.ask("rcpt", { from: "", to: "ann@a.test" })), [
    undefined,
    undefined,
    undefined,
  ]);
  assert.deepEqual(await said(2, () => b.rcpt("ann@a.test", { from: "" })), [undefined, "defer"]);
});

test("[row 285] each refusal waits for tarpit_delay, and one that hangs up says 421", async () => {
  const b = await bench("[concurrency]\nenabled=true\nmax=1\n", { delay: 3 });
  await b.connect();
  const session = fakeSession({ ip: "198.51.100.7" });
  await b.run("connect_init", { session });
  let verdict: unknown;
  const waiting = b.run("connect", { session }).then((run) => verdict = run.verdict);
  await b.pass(2.9);
  assert.equal(verdict, undefined);
  await b.pass(0.1);
  await waiting;
  assert.deepEqual(verdict, {
    kind: "defer",
    reply: { code: 421, text: "Too many concurrent connections" },
    hangUp: true,
  });
});

test("[row 285] a Redis that cannot count refuses nobody, or puts clients off where on_error says so; mail goes out all the same", async () => {
  const ini =
    "[concurrency]\nenabled=true\nmax=1\n[rate_conn]\nenabled=true\ndefault=1\n[rate_rcpt]\nenabled=true\ndefault=1\n[outbound]\nenabled=true\na.test=1\n";
  for (const on_error of ["skip", "defer"]) {
    const b = await bench(`on_error=${on_error}\n${ini}`, { shared: true });
    b.redis.down = true;
    const { session, said: greeting } = await b.connect({ from: "a@b.test" });
    const rcpt = await b.rcpt("x@y.test", { session });
    assert.deepEqual([greeting, rcpt], on_error === "skip" ? [undefined, undefined] : ["defer", "defer"]);
    const errors = b.results(session).err as readonly string[];
    assert.deepEqual(errors.filter((one, i) => errors.indexOf(one) === i), [
      "concurrency: redis: offline",
      ...on_error === "skip" ? ["rate_conn: redis: offline"] : [],
      "rate_rcpt: redis: offline",
    ]);
    const item = { id: "1", domain: "a.test", log: b.log.log };
    assert.equal((await b.run("send_email", { event: { item } })).verdict, undefined);
    assert.match(b.log.text(), /deliveries to a\.test are not counted: redis: offline/);
    // One that was not counted does not make room for another.
    b.redis.down = false;
    await b.run("disconnect", { session });
    assert.equal(b.redis.value("concurrency|198.51.100.7"), undefined);
  }
});

test("[row 285] in a dialogue: the one too many is hung up on with 421 and makes room when it goes; so is who says too much that is unknown", async () => {
  const ini = "tarpit_delay=0\n[concurrency]\nenabled=true\nmax=1\n[unrecognized_commands]\nenabled=true\nmax=1\n" +
    "[rate_rcpt]\nenabled=true\njoe@d.test=1\n[errors]\nenabled=true\nmax=2\n";
  const hooks = await plugin.setup(pluginHost("limit", { files: { "limit.ini": ini } }).host);
  const meet = () => sessionKit({ keep: true, plugins: [{ name: "limit", hooks }] });
  const hungUp = async ({ client, over }: ReturnType<typeof meet>) => {
    assert.equal(await client.reply(), undefined);
    await client.end();
    await over;
  };
  const one = meet();
  assert.match((await one.client.reply())!, /^220 /);
  const two = meet();
  assert.match((await two.client.reply())!, /^421 Too many concurrent connections/);
  await hungUp(two);
  assert.match((await one.client.say("EHLO me"))!, /^250/);
  assert.match((await one.client.say("MAIL FROM:<a@c.test>"))!, /^250/);
  assert.match((await one.client.say("RCPT TO:<joe@d.test>"))!, /^250/);
  assert.match((await one.client.say("RCPT TO:<Joe@d.test>"))!, /^450 4\.7\.1 recipient rate limit exceeded/);
  assert.match((await one.client.say("RCPT TO:<ann@d.test>"))!, /^250/);
  assert.match((await one.client.say("BREW"))!, /^500/);
  assert.match((await one.client.say("BREW"))!, /^421 4\.5\.1 Too many unrecognized commands/);
  await hungUp(one);
  const three = meet();
  assert.match((await three.client.reply())!, /^220 /);
  for (const line of ["DATA", "DATA", "DATA"]) assert.match((await three.client.say(line))!, /^503/);
  assert.match((await three.client.say("EHLO me"))!, /^421 Too many errors/);
  await hungUp(three);
});

test("a window in Redis has its end before anything is counted in it, and gets one when it closes under our hands", async () => {
  const clock = new FakeClock();
  const redis = new MemoryRedis(clock);
  const link = redis.open({ hostname: "x", port: 1, timeoutMs: 1 }, { onReady() {}, onTrouble() {} });
  const meddling = (verb: string, meddle: () => Promise<unknown>): RedisLink => ({
    url: link.url,
    ready: true,
    close: () => {},
    command: (words) => words[0] === verb ? meddle().then(() => link.command(words)) : link.command(words),
  });
  const broken = new RedisCounts(meddling("EXPIRE", () => Promise.reject(new Error("gone"))), clock);
  await assert.rejects(broken.hit("rate_rcpt", "a", 60), CountTrouble);
  assert.equal(redis.ttl("rate_rcpt:a"), 60);
  const late = new RedisCounts(meddling("INCRBY", () => link.command(["EXPIRE", "rate_rcpt:a", "0"])), clock);
  assert.deepEqual([await late.hit("rate_rcpt", "a", 60), redis.ttl("rate_rcpt:a")], [1, 60]);
});

test("a count that Redis forgot while clients were still there does not go below nothing", async () => {
  const b = await bench("[concurrency]\nenabled=true\nmax=1\n", { shared: true });
  const { session } = await b.connect();
  await b.pass(181);
  await b.run("disconnect", { session });
  assert.equal(b.redis.value("concurrency|198.51.100.7"), "0");
  assert.equal((await b.connect()).said, undefined);
  assert.equal((await b.connect()).said, "defer+close");
  await b.redis.open({ hostname: "x", port: 1, timeoutMs: 1 }, { onReady() {}, onTrouble() {} })
    .command(["SET", "concurrency|198.51.100.8", "-5"]);
  assert.equal((await b.connect({ ip: "198.51.100.8" })).said, undefined);
  assert.equal(b.redis.value("concurrency|198.51.100.8"), "1");
});

test("[row 285] [row 286] what a server that died has left counted in Redis is forgotten, however often they come who are held back by it", async () => {
  const b = await bench("[concurrency]\nenabled=true\nmax=2\n[outbound]\nenabled=true\na.test=1\n", { shared: true });
  const link = b.host.server.notes.get("redis") as RedisLink;
  await link.command(["SET", "concurrency|198.51.100.7", "2", "EX", "180"]);
  // An orphan: without an end.
  await link.command(["HINCRBY", "outbound-rate:a.test", "TOTAL", "1"]);
  const item = { id: "1", domain: "a.test", log: b.log.log };
  const send = async () => (await b.run("send_email", { event: { item } })).verdict?.kind;
  const come = async () => {
    const { session, said } = await b.connect();
    if (said !== undefined) await b.run("disconnect", { session });
    return said;
  };
  for (const seconds of [0, 100, 79]) {
    await b.pass(seconds);
    assert.deepEqual([await come(), await send()], ["defer+close", "answer"]);
  }
  await b.pass(1);
  assert.deepEqual([await come(), await come(), await come(), await send()], [
    undefined,
    undefined,
    "defer+close",
    "answer",
  ]);
  await b.pass(120);
  assert.deepEqual([await send(), b.redis.ttl("outbound-rate:a.test")], [undefined, 300]);
});

test("whom a server in front says the client is counts from then on (XCLIENT)", async () => {
  const b = await bench("[concurrency]\nenabled=true\nmax=1\n");
  const { session } = await b.connect();
  session.remote.ip = "203.0.113.5";
  assert.equal(await b.ask("connect", { session }), undefined);
  assert.equal((await b.connect()).said, undefined);
  assert.equal((await b.connect({ ip: "203.0.113.5" })).said, "defer+close");
});

test("made-up addresses fill the memory no further than it goes: the oldest is forgotten, the youngest are not", async () => {
  const counts = new MemoryCounts(new FakeClock());
  const hit = (i: number) => counts.hit("rate_rcpt", `user${i}@y.test`, 86_400);
  const slide = (i: number) => counts.slide("rate_conn", `2001:db8::${i}`, 86_400);
  for (const count of [hit, slide]) {
    for (let i = 0; i <= 20_000; i++) await count(i);
    assert.deepEqual([await count(20_000), await count(2), await count(0)], [2, 2, 1]);
  }
});

test("rates are read as Haraka has them; one that cannot be read limits nobody, and is told of", async () => {
  const read = (text: string) => {
    const { limit, ...more } = parseRate(text);
    return limit === undefined ? undefined : [limit, (more as { seconds: number }).seconds];
  };
  assert.deepEqual(["5", "5/10", "5/10s", "5/2m", "5/2H", "5/1d", "0"].map(read), [
    [5, 60],
    [5, 10],
    [5, 10],
    [5, 120],
    [5, 7200],
    [5, 86_400],
    [0, 60],
  ]);
  for (const bad of ["", "x", "5/", "5/m", "5/2w", "5/0", "-1", "5/1 h"]) assert.equal(read(bad), undefined, bad);
  const b = await bench(
    "[rate_conn]\nenabled=true\ndefault=5/2w\n[rate_outbound]\nenabled=true\ndefault=often\n[outbound]\nenabled=true\ndelay=soon\n",
  );
  const { said: greeting, session } = await b.connect();
  assert.deepEqual([greeting, b.results(session).err], [undefined, ["rate_conn: syntax: 198.51.100.7=5/2w"]]);
  assert.match(b.log.text(), /\[rate_conn\] default=5\/2w is no limit/);
  const item = { id: "1", domain: "a.test", log: b.log.log };
  assert.equal((await b.run("send_email", { event: { item } })).verdict, undefined);
  for (const what of [/\[rate_outbound\] default=often is no limit/, /\[outbound\] delay=soon is no limit/]) {
    assert.match(b.log.text(), what);
  }
});

test("the most particular key counts: address, its beginnings, then names from below upwards", () => {
  assert.deepEqual(hostKeys("192.0.2.1", "a.b.test"), [
    "192.0.2.1",
    "192.0.2",
    "192.0",
    "192",
    "a.b.test",
    "b.test",
    "test",
  ]);
  assert.deepEqual(hostKeys("::ffff:192.0.2.1", "NXDOMAIN"), ["192.0.2.1", "192.0.2", "192.0", "192"]);
  assert.deepEqual(hostKeys("2001:db8::1", "").slice(0, 7), [
    "2001:db8:0:0:0:0:0:1",
    "2001:db8:0:0:0:0:0",
    "2001:db8:0:0:0:0",
    "2001:db8:0:0:0",
    "2001:db8:0:0",
    "2001:db8:0",
    "2001:db8",
  ]);
  assert.deepEqual(mailKeys({ address: "Joe@B.test", host: "B.test" }), ["joe@b.test", "b.test", "test"]);
  const rates = readRates({ "2001:db8::5": "1", "2001:db8:0": "2", default: "3" }, () => {});
  const found = (ip: string) => findRate(rates, hostKeys(ip, ""), ip);
  assert.deepEqual([found("2001:db8::5")?.key, found("2001:db8::6")?.key, found("2001:db9::6")?.key], [
    "2001:db8:0:0:0:0:0:5",
    "2001:db8:0",
    "2001:db9::6",
  ]);
});

test("[row 285] the older names rate_limit, rcpt_to.max_count and max_unrecognized_commands load it, with a notice", async () => {
  for (const name of ["rcpt_to.max_count", "rate_limit", "max_unrecognized_commands"]) {
    const log = memoryLog();
    const shipped = { limit: () => Promise.resolve({ default: plugin }) };
    const host = (await startPlugin(plugin)).machine.host;
    const [loaded] = await loadPlugins(
      [name],
      { host, shipped, cacheDir: "/tmp", log: log.log, ignoreBad: false } as never,
    );
    assert.equal(loaded?.plugin, plugin);
    assert.match(log.text(), new RegExp(`\\[NOTICE\\].*${name} has been replaced by 'limit'`));
  }
});

test("nothing is limited until limit.ini says so, which the log tells; a change of the file holds at once", async () => {
  const b: Bench = await bench("[concurrency]\nmax=0\n[errors]\nenabled=false\nmax=0\n[rate_conn]\ndefault=1\n");
  assert.match(b.log.text(), /\[NOTICE\].*enables nothing/);
  assert.deepEqual(await said(3, async () => (await b.connect()).said), [undefined, undefined, undefined]);
  b.change("limit.ini", "tarpit_delay=0\n[rate_conn]\nenabled\ndefault=1\n");
  assert.deepEqual(await said(2, async () => (await b.connect()).said), [undefined, "defer+close"]);
});
