import assert from "node:assert/strict";
import { createConfig } from "../../src/config/config.ts";
import { Notes } from "../../src/hooks/notes.ts";
import { ResultRoom } from "../../src/hooks/result_room.ts";
import { pluginHostFor } from "../../src/server/plugin_host.ts";
import { memoryMachine } from "../kit/memory_host.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { test } from "../kit/test.ts";

test("pluginHostFor() gives each plugin its own log, and all the same server", () => {
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
    enqueue: () => Promise.resolve(),
    signal: new AbortController().signal,
  });
  const [a, b] = [hostFor("a"), hostFor("b")];
  a.log.notice("hello");
  assert.equal(memory.items.at(-1)!.origin, "a");
  a.server.notes.set("seen", 1);
  assert.equal(b.server.notes.get("seen"), 1);
  name = "after.test";
  assert.equal(b.server.name, "after.test");
  config.close();
});
