import assert from "node:assert/strict";
import plugin from "../../plugins/redis.ts";
import type { RedisLink } from "../../src/host/types.ts";
import { ResultStore } from "../../src/hooks/result_store.ts";
import { startPlugin } from "../kit/hook.ts";
import { test } from "../kit/test.ts";

test("[row 153] every change of results is published on result-ID, until results.ini says no", async () => {
  const started = await startPlugin(plugin);
  const store = new ResultStore(started.log.log, { id: "ID.1", room: started.results });
  store.add("spf", { pass: "mfrom", emit: true });
  store.incr("karma", { good: 1 });
  store.push("asn", { seen: "x" });
  assert.deepEqual(
    started.machine.redis.published.map(({ channel, message }) => [channel, JSON.parse(message)]),
    [
      ["result-ID.1", { plugin: "spf", result: { pass: "mfrom" } }],
      ["result-ID.1", { plugin: "karma", result: { good: 1 } }],
      ["result-ID.1", { plugin: "asn", result: { seen: "x" } }],
    ],
  );
  started.change("results.ini", "[main]\nredis_publish=false\n");
  store.add("spf", { fail: "x" });
  assert.equal(started.machine.redis.published.length, 3);
});

test("redis.ini says where; others find the connection at the note redis", async () => {
  const files = { "redis.ini": "[server]\nip=192.0.2.7\nport=6380\ndb=3\n[opts]\npassword=sesame\n" };
  const { machine, host } = await startPlugin(plugin, { files });
  const [opened] = machine.redis.opened;
  assert.deepEqual([opened?.hostname, opened?.port, opened?.database, opened?.password], [
    "192.0.2.7",
    6380,
    3,
    "sesame",
  ]);
  const link = host.server.notes.get("redis") as RedisLink;
  assert.equal(await link.command(["SET", "a", "b"]), "OK");
  assert.equal(machine.redis.value("a"), "b");
});

test("without Redis results are kept as ever, and the log says so once", async () => {
  const started = await startPlugin(plugin);
  started.machine.redis.down = true;
  const store = new ResultStore(started.log.log, { id: "ID", room: started.results });
  store.add("spf", { pass: "a" });
  assert.deepEqual(store.get("spf")?.pass, ["a"]);
  assert.equal(started.log.text().match(/No Redis/g)?.length, 1);
});

test("keys of Haraka's redis.ini that mean nothing here do not put the file out of use", async () => {
  const files = {
    "redis.ini":
      "[server]\nhost=192.0.2.7\nnoDelay=true\nkeepAlive=5000\nreconnectStrategy=1\n[pubsub]\nhost=192.0.2.8\n",
  };
  const { machine, log } = await startPlugin(plugin, { files });
  assert.equal(machine.redis.opened[0]?.hostname, "192.0.2.7");
  assert.doesNotMatch(log.text(), /wanted|WARN|ERROR/);
});
