import assert from "node:assert/strict";
import { offlineLookup, offlineSettings, withQueues } from "../../src/cli/queue_offline.ts";
import { Refused } from "../../src/cli/site_server.ts";
import { exists } from "../../src/host/exists.ts";
import { lockDirectory } from "../../src/host/lock.ts";
import { memoryMachine } from "../kit/memory_host.ts";
import { test } from "../kit/test.ts";
import { envelope, mail } from "../queue/queue_kit.ts";

function site() {
  const machine = memoryMachine();
  machine.host.mkdirSync("/site/config", { recursive: true });
  machine.host.writeTextFileSync("/site/config/outbound.ini", "[main]\ntemp_fail_intervals=1m, 5m\n");
  machine.host.writeTextFileSync("/site/config/smtp.ini", "listen=127.0.0.1:25\n");
  machine.host.writeTextFileSync("/site/config/me", "kasi.test\n");
  machine.host.mkdirSync("/site/queue/w1", { recursive: true });
  // This process lives.
  machine.host.mkdirSync(`/proc/${machine.host.pid}`, { recursive: true });
  machine.host.writeTextFileSync(`/proc/${machine.host.pid}/stat`, `1 (kasi) ${"1 ".repeat(30)}`);
  return { machine, at: { site: "/site", queueDir: "/site/queue" } };
}

test("all shards are opened, worked on, and let go of", async () => {
  const { machine, at } = site();
  const ids = await withQueues(machine, at, async (queues) => {
    assert.throws(() => lockDirectory(machine.host, "/site/queue"), /is held by process/);
    for (const [i, queue] of queues.entries()) {
      await queue.accept(envelope(`M${i}`, "a@b.test", ["c@d.test"]), mail("x"));
    }
    return queues.map((queue) => queue.list().map(({ id }) => id));
  });
  assert.deepEqual(ids, [["M0.1"], ["M1.1"]]);
  assert.equal(exists(machine.host, "/site/queue/lock"), false);
  assert.deepEqual(await withQueues(machine, at, async (queues) => queues.map((queue) => queue.list().length)), [1, 1]);
});

test("a queue that somebody has is refused, and what goes wrong lets it go", async () => {
  const { machine, at } = site();
  const lock = lockDirectory(machine.host, "/site/queue");
  await assert.rejects(
    withQueues(machine, at, async () => 1),
    (cause) => cause instanceof Refused && /has \/site\/queue/.test(cause.message),
  );
  lock.release();
  await assert.rejects(withQueues(machine, at, () => Promise.reject(new Error("oh"))), /oh/);
  assert.equal(await withQueues(machine, at, async () => 1), 1);
});

test("without a server a domain's site is told by outbound.sites.ini", async () => {
  const { machine } = site();
  machine.host.writeTextFileSync("/site/config/outbound.sites.ini", "[*.two.example]\nconnections=1\n");
  const lookup = await offlineLookup(machine, {
    ids: [],
    filter: { site: "*.two.example", limit: "3" },
    site: "/site",
  });
  assert.deepEqual([lookup.site, lookup.limit], ["*.two.example", 3]);
  assert.deepEqual(["a.two.example", "one.example"].map((domain) => lookup.siteOf!(domain)), [
    "*.two.example",
    "one.example",
  ]);
  assert.equal((await offlineLookup(machine, { ids: ["A"], filter: {} })).siteOf, undefined);
});

test("the site's settings are a server's", async () => {
  const { machine } = site();
  const { intervals, me } = await offlineSettings(machine, "/site");
  assert.deepEqual([intervals, me], [[60_000, 300_000], "kasi.test"]);
});
