import assert from "node:assert/strict";
import { createConfig } from "../../src/config/config.ts";
import { loadCoreSettings } from "../../src/config/core_settings.ts";
import { tellUnheeded } from "../../src/server/unheeded.ts";
import { memoryMachine } from "../kit/memory_host.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { test } from "../kit/test.ts";

async function toldOf(ini: string): Promise<string[]> {
  const { host, clock } = memoryMachine();
  host.mkdirSync("/config", { recursive: true });
  host.writeTextFileSync("/config/smtp.ini", ini);
  const memory = memoryLog();
  const config = createConfig({ host, clock, dir: "/config", log: memory.log, watch: false });
  const core = await loadCoreSettings(config);
  memory.items.length = 0;
  tellUnheeded(core.server.value, memory.log);
  core.close();
  config.close();
  return memory.items.map(({ message }) => message.split(":")[0]!);
}

test("tellUnheeded() warns of settings that change nothing, and only of those", async () => {
  assert.deepEqual(await toldOf("nodes=0\n"), []);
  assert.deepEqual(await toldOf("nodes=1\n"), []);
  assert.deepEqual(await toldOf("nodes=cpus\nuser=smtp\ndaemonize=true\n"), ["smtp.ini nodes"]);
});
