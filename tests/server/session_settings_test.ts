import assert from "node:assert/strict";
import { createConfig } from "../../src/config/config.ts";
import { loadCoreSettings } from "../../src/config/core_settings.ts";
import { derived, sessionSettings } from "../../src/server/session_settings.ts";
import { memoryMachine } from "../kit/memory_host.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { test } from "../kit/test.ts";

test("derived() makes its value once, and again only after a change", () => {
  const listeners: ((value: unknown) => void)[] = [];
  const source = {
    value: 1,
    onChange(listener: (value: unknown) => void) {
      listeners.push(listener);
      return () => {};
    },
  };
  let made = 0;
  const value = derived([source], () => `${++made}: ${source.value}`);
  assert.deepEqual([value(), value()], ["1: 1", "1: 1"]);
  source.value = 2;
  for (const listener of listeners) listener(2);
  assert.deepEqual([value(), value()], ["2: 2", "2: 2"]);
});

test("sessionSettings() hides the version without show_version", async () => {
  const { host, clock } = memoryMachine();
  host.mkdirSync("/config", { recursive: true });
  host.writeTextFileSync("/config/smtp.ini", "listen=127.0.0.1:25\n");
  host.writeTextFileSync("/config/me", "kasi.test\n");
  const product = async (ini: string) => {
    host.writeTextFileSync("/config/connection.ini", ini);
    const config = createConfig({ host, clock, dir: "/config", log: memoryLog().log, watch: false });
    const core = await loadCoreSettings(config);
    const settings = sessionSettings(core, "1.2.3")();
    core.close();
    config.close();
    return [settings.me, settings.product, settings.limits.lineLength];
  };
  assert.deepEqual(await product(""), ["kasi.test", "Kasi/1.2.3", 512]);
  assert.deepEqual(await product("[headers]\nshow_version=false\n[max]\nline_length=1000\n"), [
    "kasi.test",
    "Kasi",
    1000,
  ]);
});
