import assert from "node:assert/strict";
import plugin from "../../plugins/recipient-routes.ts";
import redis from "../../plugins/redis.ts";
import type { Envelope } from "../../src/hooks/outbound.ts";
import type { RedisLink } from "../../src/host/types.ts";
import { fakeSession, recipient } from "../kit/fake_session.ts";
import { startPlugin } from "../kit/hook.ts";
import { test } from "../kit/test.ts";

const FILE = "[routes]\nJoe@a.test=joe.hop.test\na.test=smtp://hop.test:26\nstore.test=lmtp://[2001:db8::1]:24\n";

async function bench(ini = FILE, keys: { readonly [key: string]: string } | undefined = undefined) {
  const queued: Envelope[] = [];
  const started = await startPlugin(plugin, {
    files: { "rcpt_to.routes.ini": ini },
    enqueue: (envelope) => void queued.push(envelope),
  });
  const { machine, host } = started;
  if (keys !== undefined) {
    host.server.notes.set(
      "redis",
      machine.redis.open({ hostname: "shared", port: 1, timeoutMs: 1 }, { onReady() {}, onTrouble() {} }),
    );
  }
  await started.run("init_child");
  const link = host.server.notes.get("redis") as RedisLink | undefined;
  for (const [key, value] of Object.entries(keys ?? {})) await link!.command(["SET", key, value]);
  return {
    ...started,
    queued: () => queued.map(({ recipients }) => recipients.map(({ address }) => address.address)),
    async rcpt(to: string) {
      const { verdict, results } = await started.run("rcpt", { to });
      const { pass = [], fail = [], err = [] } = results ?? {};
      return [verdict?.kind, ...pass, ...fail.map((one) => `!${one}`), ...err.map((one) => `?${one}`)];
    },
    async mx(...to: string[]) {
      const item = { recipients: to.map(recipient), log: started.log.log };
      const { verdict } = await started.run("get_mx", { event: { item, domain: to[0]!.split("@")[1] } });
      return verdict?.kind === "answer" ? verdict.value : verdict?.kind;
    },
  };
}

test("[row 290] recipients with a route in the file are taken, by address before domain; their mail goes there", async () => {
  const { rcpt, mx } = await bench();
  assert.deepEqual(await rcpt("JOE@A.test"), ["ok", "file.email"]);
  assert.deepEqual(await rcpt("ann@A.TEST"), ["ok", "file.domain"]);
  assert.deepEqual(await rcpt("ann@sub.a.test"), [undefined, "!file"]);
  assert.deepEqual(await rcpt("postmaster"), [undefined, "!rcpt!domain"]);
  assert.equal(await mx("joe@a.test"), "joe.hop.test");
  assert.equal(await mx("ann@a.test", "joe@a.test"), "smtp://hop.test:26");
  assert.equal(await mx("x@store.test"), "lmtp://[2001:db8::1]:24");
  assert.equal(await mx("x@elsewhere.test"), undefined);
});

test("[row 290] routes in Redis come first, by address and by domain; what it does not know is in the file", async () => {
  const { rcpt, mx, machine } = await bench(FILE, {
    "joe@a.test": "lmtp://redis.hop.test",
    "b.test": "10.0.0.1:2525",
    "odd.test": "smtp://a b",
  });
  assert.deepEqual(await rcpt("Joe@a.test"), ["ok", "redis.email"]);
  assert.deepEqual(await rcpt("ann@b.test"), ["ok", "redis.domain"]);
  assert.deepEqual(await rcpt("ann@a.test"), ["ok", "file.domain"]);
  assert.deepEqual(await rcpt("ann@c.test"), [undefined, "!file"]);
  assert.deepEqual([await mx("joe@a.test"), await mx("ann@b.test"), await mx("ann@a.test")], [
    "lmtp://redis.hop.test",
    "10.0.0.1:2525",
    "smtp://hop.test:26",
  ]);
  assert.equal(await mx("x@odd.test"), "defer");
  assert.equal(machine.redis.opened.length, 1);
});

test("while Redis is away the file counts, and who is not in it is put off; or refused by others, as on_error says", async () => {
  const away = await bench(FILE, {});
  away.machine.redis.down = true;
  assert.deepEqual(await away.rcpt("joe@a.test"), ["ok", "file.email"]);
  assert.deepEqual(await away.rcpt("x@b.test"), ["defer", "?redis: offline"]);
  assert.deepEqual([await away.mx("joe@a.test"), await away.mx("x@b.test")], ["joe.hop.test", "defer"]);
  assert.match(away.log.text(), /Redis does not say where mail for <x@b\.test> goes: offline/);
  const skipping = await bench(`[redis]\non_error=skip\n${FILE}`, {});
  skipping.machine.redis.down = true;
  assert.deepEqual(await skipping.rcpt("x@b.test"), [undefined, "!file", "?redis: offline"]);
  assert.equal(await skipping.mx("x@b.test"), undefined);
  const off = await bench(`[redis]\nenabled=false\n${FILE}`, { "b.test": "h" });
  off.machine.redis.down = true;
  assert.deepEqual(await off.rcpt("x@b.test"), [undefined, "!file"]);
});

test("mail for those with a route is queued, a message for each route; the rest is left to other plugins", async () => {
  const at = async (to: readonly string[], more: { readonly relaying?: boolean; readonly wants?: string } = {}) => {
    const started = await bench();
    const session = fakeSession({ from: "me@client.test", relaying: more.relaying ?? false });
    const transaction = session.transaction!;
    if (more.wants !== undefined) transaction.notes.set("queue.wants", more.wants);
    for (const one of to) {
      const asked = recipient(one);
      await started.run("rcpt", { session, event: { recipient: asked } });
      transaction.recipients.push(asked);
    }
    const { verdict } = await started.run(more.relaying ? "queue_outbound" : "queue", { session });
    return [verdict?.kind, started.queued(), transaction.recipients.map(({ address }) => address.address)];
  };
  const all = ["joe@a.test", "ann@a.test", "bob@a.test"];
  assert.deepEqual(await at(all), ["ok", [["joe@a.test"], ["ann@a.test", "bob@a.test"]], []]);
  assert.deepEqual(await at(["x@local.test", "ann@a.test"]), [undefined, [["ann@a.test"]], ["x@local.test"]]);
  assert.deepEqual(await at(["x@local.test"]), [undefined, [], ["x@local.test"]]);
  assert.deepEqual(await at(["ann@a.test"], { wants: "quarantine" }), [undefined, [], ["ann@a.test"]]);
  // The server queues relayed mail by itself, and asks for the way once for each domain.
  assert.deepEqual(await at(["ann@a.test", "x@store.test"], { relaying: true }), [
    undefined,
    [],
    ["ann@a.test", "x@store.test"],
  ]);
  assert.deepEqual(await at(all, { relaying: true }), ["ok", [["joe@a.test"], ["ann@a.test", "bob@a.test"]], []]);
});

test("a server or a database of its own means a connection of its own; the same one is shared", async () => {
  const opened = async (section: string, shared = true) => {
    const files = { "redis.ini": "[server]\nhost=192.0.2.1\ndatabase=1\npassword=x\n", "rcpt_to.routes.ini": section };
    const { host, machine, run } = await startPlugin(plugin, { files });
    if (shared) await redis.setup({ ...host, machine });
    await run("init_child");
    return machine.redis.opened.slice(shared ? 1 : 0).map(({ hostname, port, database }) => [hostname, port, database]);
  };
  assert.deepEqual(await opened(""), []);
  assert.deepEqual(await opened("", false), []);
  assert.deepEqual(await opened("[redis]\ndb=1\n"), []);
  assert.deepEqual(await opened("[redis]\ndb=1\n", false), [["192.0.2.1", 6379, 1]]);
  assert.deepEqual(await opened("[redis]\ndatabase=2\n"), [["192.0.2.1", 6379, 2]]);
  assert.deepEqual(await opened("[redis]\nserver_ip=192.0.2.2\nserver_port=6380\n"), [["192.0.2.2", 6380, 1]]);
  assert.deepEqual(await opened("[redis]\nenabled=false\ndatabase=2\n"), []);
  await assert.rejects(opened("[redis]\ndatabase=two\n"), /rcpt_to\.routes\.ini: \[redis\] database.*whole number/);
});

test("a route that cannot be read stops the start, and on reload leaves the last good ones", async () => {
  await assert.rejects(bench("[routes]\na.test=smtp://\n"), /\[routes\] a\.test.*lmtp:\/\/host:port/);
  const { rcpt, change, log } = await bench();
  change("rcpt_to.routes.ini", "[routes]\nb.test=smtp://a b\n");
  assert.deepEqual(await rcpt("ann@a.test"), ["ok", "file.domain"]);
  assert.match(log.text(), /the last good routes stay/);
  change("rcpt_to.routes.ini", "[routes]\nb.test=hop\n");
  assert.deepEqual(await rcpt("ann@b.test"), ["ok", "file.domain"]);
});
