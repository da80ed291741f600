import assert from "node:assert/strict";
import { createConfig } from "../../src/config/config.ts";
import { Notes } from "../../src/hooks/notes.ts";
import type { Envelope } from "../../src/hooks/outbound.ts";
import { createMessage } from "../../src/mail/message.ts";
import { memorySource } from "../../src/mail/source.ts";
import { ResultRoom } from "../../src/hooks/result_room.ts";
import { noQueue } from "../../src/server/no_queue.ts";
import { pluginHostFor } from "../../src/server/plugin_host.ts";
import { pluginOperations, Tidings } from "../../src/server/plugin_operations.ts";
import { memoryMachine } from "../kit/memory_host.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { test } from "../kit/test.ts";

test("pluginHostFor() gives each plugin its own log, and all the same server and queue", async () => {
  const queued: Envelope[] = [];
  const machine = memoryMachine();
  const memory = memoryLog();
  let name = "before.test";
  const config = createConfig({
    host: machine.host,
    clock: machine.clock,
    dir: "/config",
    log: memory.log,
    watch: false,
  });
  const enqueue = (envelope: Envelope) => {
    queued.push(envelope);
    return Promise.resolve({ id: envelope.id, repeated: false });
  };
  const hostFor = pluginHostFor({
    config,
    log: memory.log,
    machine,
    notes: new Notes(),
    version: "1.2.3",
    serverName: () => name,
    dataDir: "/data",
    forwarder: {
      send: () => Promise.reject(new Error("not here")),
      begin: () => Promise.reject(new Error("not here")),
    },
    results: new ResultRoom(memory.log),
    outbound: { ...noQueue("not here"), enqueue },
    operations: pluginOperations(() => Promise.reject(new Error("not here"))),
    mainOf: (plugin) => new Tidings().of(plugin),
    signal: new AbortController().signal,
  });
  const [a, b] = [hostFor("a"), hostFor("b")];
  a.log.notice("hello");
  assert.equal(memory.items.at(-1)!.origin, "a");
  a.server.notes.set("seen", 1);
  assert.equal(b.server.notes.get("seen"), 1);
  assert.equal((await b.outbound.send({ from: "<>", to: "x@y.test", content: "" })).kind, "queued");
  assert.equal(memory.items.at(-1)!.origin, "b");
  await a.enqueue(queued[0]!, createMessage(memorySource(new Uint8Array(0))));
  assert.deepEqual(queued.map(({ recipients }) => recipients[0]!.address.address), ["x@y.test", "x@y.test"]);
  name = "after.test";
  assert.equal(b.server.name, "after.test");
  config.close();
});
