/**
 * Starts plugins in order and stops them in reverse.
 *
 * A `setup` that throws stops the start with a {@linkcode PluginError}, or a ConfigError as it is, unless `ignoreBad` is set; those already started
 * are stopped first. A `stop` that throws or is late is logged and waited for no longer.
 */
import { type Clock, sleep } from "../base/clock.ts";
import { ConfigError } from "../base/config_error.ts";
import type { Logger } from "../log/types.ts";
import type { HookRunner } from "./hook_runner.ts";
import { type LoadedPlugin, PluginError } from "./loader.ts";
import type { PluginHost } from "./plugin.ts";

export interface StartOptions {
  readonly runner: HookRunner;
  readonly clock: Clock;
  readonly log: Logger;
  /** What a plugin's `setup` is given; the server makes it. */
  readonly hostFor: (name: string) => PluginHost;
  /** Milliseconds that a plugin's hook functions may take; 0: as long as they like. */
  readonly timeoutFor: (name: string) => number;
  readonly ignoreBad?: boolean;
}

export interface RunningPlugins {
  readonly names: readonly string[];
  /** Stops all, the last started first; each has until the common deadline. Never rejects. */
  stop(deadlineMs: number): Promise<void>;
}

export async function startPlugins(loaded: readonly LoadedPlugin[], options: StartOptions): Promise<RunningPlugins> {
  const started: LoadedPlugin[] = [];
  const stop = (deadlineMs: number) => stopAll(started.splice(0).reverse(), deadlineMs, options);
  for (const entry of loaded) {
    const { name, plugin } = entry;
    try {
      const made = await plugin.setup?.(options.hostFor(name));
      const owner = { name, timeoutMs: options.timeoutFor(name) };
      options.runner.add(owner, { ...plugin.hooks, ...made });
      started.push(entry);
    } catch (cause) {
      const error = cause instanceof ConfigError ? cause : new PluginError(name, cause);
      if (!options.ignoreBad) {
        await stop(5_000);
        throw error;
      }
      options.log.crit(error instanceof ConfigError ? new PluginError(name, error).message : error.message);
    }
  }
  return { names: started.map(({ name }) => name), stop };
}

async function stopAll(plugins: readonly LoadedPlugin[], deadlineMs: number, options: StartOptions): Promise<void> {
  const done = new AbortController();
  const deadline = sleep(options.clock, deadlineMs, done.signal).then(() => "late" as const, () => "late" as const);
  for (const { name, plugin } of plugins) {
    if (plugin.stop === undefined) continue;
    try {
      const stopped = Promise.resolve(plugin.stop()).then(() => "stopped" as const);
      if (await Promise.race([stopped, deadline]) === "late") {
        options.log.warn(`Plugin ${name} did not stop in time`);
      }
    } catch (fault) {
      options.log.error(`Plugin ${name} failed to stop: ${fault instanceof Error ? fault.message : String(fault)}`);
    }
  }
  done.abort();
}
