import assert from "node:assert/strict";
import { ConfigError } from "../../src/base/config_error.ts";
import { HookRunner } from "../../src/hooks/hook_runner.ts";
import { createConfig } from "../../src/config/config.ts";
import { loadCoreSettings } from "../../src/config/core_settings.ts";
import { startPlugins } from "../../src/hooks/lifecycle.ts";
import { timeoutOf } from "../../src/server/plugins.ts";
import { memoryMachine } from "../kit/memory_host.ts";
import { PluginError } from "../../src/hooks/loader.ts";
import type { Plugin } from "../../src/hooks/plugin.ts";
import { ok } from "../../src/hooks/verdict.ts";
import { FakeClock } from "../kit/fake_clock.ts";
import { fakeSession } from "../kit/fake_session.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { pluginHost } from "../kit/plugin_host.ts";
import { test } from "../kit/test.ts";

function bench(plugins: readonly Plugin[], ignoreBad = false, timeouts: { [name: string]: number } = {}) {
  const clock = new FakeClock();
  const memory = memoryLog();
  const runner = new HookRunner({ clock, log: memory.log });
  const start = () =>
    startPlugins(plugins.map((plugin) => ({ name: plugin.name, plugin, from: "test" })), {
      runner,
      clock,
      log: memory.log,
      hostFor: (name) => pluginHost(name).host,
      timeoutFor: (name) => timeouts[name] ?? 30_000,
      ignoreBad,
    });
  return { clock, memory, runner, start };
}

test("plugins are set up in order under their own names, static hooks and those of setup are both added, and stop runs in reverse", async () => {
  const did: string[] = [];
  const plugin = (name: string): Plugin => ({
    name,
    hooks: { noop: () => void did.push(`${name} noop`) },
    async setup(host) {
      await Promise.resolve();
      did.push(`setup ${host.name}`);
      return { rset: () => void did.push(`${name} rset`) };
    },
    stop: () => void did.push(`stop ${name}`),
  });
  const { runner, start, memory } = bench([plugin("one"), plugin("two")]);
  const running = await start();
  assert.deepEqual(running.names, ["one", "two"]);
  const session = fakeSession();
  runner.run("noop", { session }, { log: memory.log });
  runner.run("rset", { session }, { log: memory.log });
  await running.stop(1000);
  await running.stop(1000);
  assert.deepEqual(did, [
    "setup one",
    "setup two",
    "one noop",
    "two noop",
    "one rset",
    "two rset",
    "stop two",
    "stop one",
  ]);
});

test("a setup that throws stops the start with the plugin's name, after those already started were stopped", async () => {
  const did: string[] = [];
  const good: Plugin = { name: "good", hooks: {}, stop: () => void did.push("stopped") };
  const bad: Plugin = { name: "bad", setup: () => Promise.reject(new Error("no database")) };
  const slip: Plugin = {
    name: "slip",
    setup() {
      throw new ConfigError({ file: "slip.ini", line: 3, setting: "[main] x", wanted: "a number" });
    },
  };
  await assert.rejects(bench([good, bad]).start(), (error) => {
    assert.ok(error instanceof PluginError);
    assert.match(error.message, /Loading plugin bad failed: no database/);
    return true;
  });
  assert.deepEqual(did, ["stopped"]);
  await assert.rejects(bench([slip]).start(), (error) => error instanceof ConfigError && error.fault.line === 3);
  const lax = bench([bad, slip, good], true);
  assert.deepEqual((await lax.start()).names, ["good"]);
  assert.match(lax.memory.text(), /plugin bad failed: no database/);
  assert.match(lax.memory.text(), /plugin slip failed: slip\.ini:3/);
});

test("a stop that hangs or throws is logged and keeps nobody else from stopping", async () => {
  const did: string[] = [];
  const { start, clock, memory } = bench([
    { name: "first", hooks: {}, stop: () => void did.push("first") },
    { name: "throws", hooks: {}, stop: () => Promise.reject(new Error("broken")) },
    { name: "hangs", hooks: {}, stop: () => new Promise<undefined>(() => {}) },
  ]);
  const running = await start();
  const stopped = running.stop(500);
  await clock.advance(500);
  await stopped;
  assert.deepEqual(did, ["first"]);
  assert.match(memory.text(), /hangs did not stop in time/);
  assert.equal(clock.pending, 0);
});

test("a plugin's deadline is its own .timeout file in seconds, else plugin_timeout, else 30 s; 0 is none; late means defer [row 76]", async () => {
  const timeouts = async (files: Readonly<Record<string, string>>) => {
    const { host, clock } = memoryMachine();
    host.mkdirSync("/config/auth", { recursive: true });
    const all = { "smtp.ini": "", plugins: "slow\nfree\nauth/odd\nother\n", ...files };
    for (const [name, text] of Object.entries(all)) host.writeTextFileSync(`/config/${name}`, text);
    const config = createConfig({ host, clock, dir: "/config", log: memoryLog().log, watch: false });
    const core = await loadCoreSettings(config);
    const found = ["slow", "free", "auth/odd", "other"].map((name) => timeoutOf(core, name));
    core.close();
    config.close();
    return found;
  };
  const files = { "slow.timeout": "0.5", "free.timeout": "0", "auth/odd.timeout": "soon", "plugin_timeout": "7" };
  assert.deepEqual(await timeouts(files), [500, 0, 7000, 7000]);
  assert.deepEqual(await timeouts({}), [30_000, 30_000, 30_000, 30_000]);

  const hangs: Plugin = { name: "slow", hooks: { vrfy: () => new Promise<undefined>(() => {}) } };
  const { runner, start, clock, memory } = bench(
    [hangs, { name: "next", hooks: { noop: () => new Promise<undefined>(() => {}), vrfy: () => ok() } }],
    false,
    { slow: 500, next: 0 },
  );
  await start();
  const session = fakeSession();
  const outcome = Promise.resolve(runner.run("vrfy", { session, argument: "x" }, { log: memory.log }));
  await clock.advance(500);
  const { verdict, by } = await outcome;
  assert.deepEqual([verdict?.kind, by], ["defer", "slow"]);
  runner.run("noop", { session }, { log: memory.log });
  assert.equal(clock.pending, 0);
});
