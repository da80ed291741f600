import assert from "node:assert/strict";
import { SHIPPED } from "../../plugins/shipped.ts";
import { HookRunner } from "../../src/hooks/hook_runner.ts";
import { startPlugins } from "../../src/hooks/lifecycle.ts";
import { FakeClock } from "../kit/fake_clock.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { pluginHost } from "../kit/plugin_host.ts";
import { test } from "../kit/test.ts";

const NAMES = ["profile", "reseed_rng", "queue/deliver"] as const;

test("the names of plugins that need no function any more start, say so and listen at no hook [row 300]", async () => {
  const clock = new FakeClock();
  const { log } = memoryLog();
  const runner = new HookRunner({ clock, log });
  const hosts = new Map(NAMES.map((name) => [name as string, pluginHost(name)]));
  const plugins = await Promise.all(
    NAMES.map(async (name) => ({ name, plugin: (await SHIPPED[name]()).default, from: "shipped" })),
  );
  const running = await startPlugins(plugins, {
    runner,
    clock,
    log,
    hostFor: (name) => hosts.get(name)!.host,
    timeoutFor: () => 30_000,
    ignoreBad: false,
  });
  assert.deepEqual(running.names, NAMES);
  for (const [name, { log }] of hosts) assert.match(log.text(), new RegExp(`${name} does nothing`));
  for (const hook of ["connect", "disconnect", "queue", "queue_outbound", "init_master", "init_child"] as const) {
    assert.equal(runner.has(hook), false, hook);
  }
});
