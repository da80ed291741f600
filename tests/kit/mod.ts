/** `kasi/testing`: what tests of plugins are written with. No sockets, no processes, no waiting: time moves when a test says so. */
export { FakeClock } from "./fake_clock.ts";
export {
  address,
  fakeCapabilities,
  type FakeSession,
  fakeSession,
  type FakeSessionOptions,
  type FakeTransaction,
  fakeTransaction,
  message,
  recipient,
} from "./fake_session.ts";
export { hook, type HookOptions, type HookRun, type StartedPlugin, startPlugin } from "./hook.ts";
export { diskError, ioError, MemoryDisk, noSpace } from "./memory_disk.ts";
export { type MemoryMachine, memoryMachine, type MemoryMachineOptions } from "./memory_host.ts";
export { type MemoryLog, memoryLog } from "./memory_log.ts";
export { type FakePluginHost, pluginHost, type PluginHostOptions } from "./plugin_host.ts";
export { zone, type ZoneResolver, type ZoneText } from "./zone.ts";
