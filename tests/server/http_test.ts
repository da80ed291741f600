import assert from "node:assert/strict";
import { HookRunner } from "../../src/hooks/hook_runner.ts";
import { startPlugins } from "../../src/hooks/lifecycle.ts";
import { Notes } from "../../src/hooks/notes.ts";
import type { HookTable, PluginHost } from "../../src/hooks/plugin.ts";
import { createLogging } from "../../src/log/logging.ts";
import { type RunningHttp, startHttp } from "../../src/server/http.ts";
import { memoryMachine } from "../kit/memory_host.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { test } from "../kit/test.ts";

const SNAPSHOT = {
  sessions: 0,
  queue: { inProgress: 0, queued: 0, tempFail: 0, held: 0, oldest: undefined },
  sites: { well: 1, slow: 0, resting: 2, probing: 0, suspended: 0 },
  delivery: { connections: 0, idle: 0, waiting: 0, opened: 0, reused: 0 },
};
const NOWHERE = { kind: "unix", path: "/no/such/directory/of/this/machine/http.sock" } as const;

async function withHttp(
  hooks: HookTable,
  body: (http: RunningHttp, logging: ReturnType<typeof createLogging>, heard: string[], text: () => string) => void,
): Promise<void> {
  const machine = memoryMachine();
  const { clock } = machine;
  const memory = memoryLog();
  const heard: string[] = [];
  const logging = createLogging({ clock, sinks: [], onEvent: (name) => void heard.push(name) });
  const runner = new HookRunner({ clock, log: memory.log, onFault: "defer" });
  const running = await startPlugins([{ name: "pages", plugin: { name: "pages", hooks }, from: "given" }], {
    runner,
    clock,
    log: memory.log,
    timeoutFor: () => 1000,
    hostFor: () => ({}) as PluginHost,
    ignoreBad: false,
  });
  const http = await startHttp({
    machine,
    config: { listen: [NOWHERE], docroot: undefined },
    site: { dir: "/site", dataDir: "/site" },
    log: memory.log,
    logging,
    hooks: runner,
    face: { notes: new Notes(), version: "1.2.3", name: "kasi.test" },
    tls: { defaultPair: { cert: "", key: "" }, onChange: () => () => {} },
    snapshot: () => SNAPSHOT,
  });
  body(http, logging, heard, memory.text);
  await http.close(0);
  await running.stop(0);
  heard.length = 0;
  logging.root.event("config_reloaded", { file: "x" });
  assert.deepEqual(heard, ["config_reloaded"], "the events go where they went before");
}

test("init_http is given the app, then init_wss the WebSockets too", async () => {
  const order: string[] = [];
  await withHttp({
    init_http({ server }) {
      order.push(`http ${server.name} ${typeof server.http.get} ${"wss" in server}`);
    },
    init_wss({ server }) {
      order.push(`wss ${typeof server.http.get} ${server.wss.broadcast("nobody is there")}`);
    },
  }, () => {});
  assert.deepEqual(order, ["http kasi.test function false", "wss function 0"]);
});

test("an endpoint that cannot be bound is logged, and the server stands without it", () =>
  withHttp({}, (http, _, __, text) => {
    assert.deepEqual(http.addresses, []);
    assert.match(text(), /No HTTP on \/no\/such\/directory/);
  }));

test("events are counted beside whoever counted them before", () =>
  withHttp({}, (_, logging, heard) => {
    logging.root.event("config_reloaded", { file: "x" });
    assert.deepEqual(heard, ["config_reloaded"]);
  }));
