/** Which plugins run, and the first hooks they hear: `log`, `init_master`, `init_child`. */
import type { CoreSettings } from "../config/core_types.ts";
import type { Machine } from "../host/types.ts";
import type { HookRunner } from "../hooks/hook_runner.ts";
import { type RunningPlugins, startPlugins } from "../hooks/lifecycle.ts";
import { type LoadedPlugin, type LoaderOptions, loadPlugins, PluginError } from "../hooks/loader.ts";
import type { Plugin, ServerFace } from "../hooks/plugin.ts";
import { isRefusal } from "../hooks/verdict.ts";
import type { Logging } from "../log/logging.ts";
import type { Logger } from "../log/types.ts";
import { SHIPPED } from "../../plugins/shipped.ts";
import { VERSION } from "../version.ts";
import { followHooks } from "./hook_log.ts";
import { pluginHostFor, type PluginHostParts } from "./plugin_host.ts";
import { shippedPath, type Site } from "./site.ts";

/** What the loader wants for plugins written for Haraka. */
export const FOR_HARAKA: Pick<LoaderOptions, "commonJs" | "programDir"> = {
  commonJs: async () => (await import("../host/commonjs.ts")).commonJs,
  ...(import.meta.url.startsWith("file:") ? { programDir: shippedPath("").replace(/\/$/, "") } : {}),
};

export interface ChooseOptions {
  readonly machine: Machine;
  readonly log: Logger;
  readonly site: Site;
  readonly signal: AbortSignal;
}

/** The plugins given by the caller, values as they are, or those of `config/plugins`; in order. */
export async function choosePlugins(
  given: readonly (Plugin | string)[] | undefined,
  core: CoreSettings,
  { machine, log, site, signal }: ChooseOptions,
): Promise<LoadedPlugin[]> {
  const loaded: LoadedPlugin[] = [];
  for (const entry of given ?? core.plugins.value.names) {
    if (typeof entry !== "string") {
      loaded.push({ name: entry.name, plugin: entry, from: "given" });
      continue;
    }
    loaded.push(
      ...await loadPlugins([entry], {
        host: machine.host,
        log,
        shipped: SHIPPED,
        cacheDir: `${site.dataDir}/plugin-cache`,
        pins: core.plugins.value.pins,
        ignoreBad: core.server.value.ignoreBadPlugins,
        signal,
        ...FOR_HARAKA,
        ...(site.dir === undefined ? {} : { siteDir: site.dir }),
      }),
    );
  }
  const names = new Set<string>();
  return loaded.filter(({ name }) => !names.has(name) && names.add(name));
}

/** Hands each line of the log to the `log` hook, where a plugin listens at it. */
export function attachLogHook(logging: Logging, runner: HookRunner, log: Logger): void {
  if (!runner.has("log")) return logging.attachHook(undefined);
  logging.attachHook((item) => {
    const outcome = runner.run("log", { item }, { log });
    return outcome instanceof Promise
      ? outcome.then(({ verdict }) => verdict?.kind === "ok")
      : outcome.verdict?.kind === "ok";
  });
}

/** Runs `init_master`, or `init_child`; a refusal stops the start. Without workers one thread hears both. */
export async function initialise(
  runner: HookRunner,
  server: ServerFace,
  log: Logger,
  hook: "init_master" | "init_child",
): Promise<void> {
  const { verdict, by } = await runner.run(hook, { server }, { log });
  if (verdict !== undefined && isRefusal(verdict)) {
    throw new PluginError(by ?? "?", new Error(`it refused to start at ${hook}`));
  }
}

/** Sets chosen plugins up, each with a host of its own, and gives their functions to the runner. Throws as `startPlugins` does. */
export function startChosen(
  plugins: readonly LoadedPlugin[],
  runner: HookRunner,
  core: CoreSettings,
  { ignoreBad, ...parts }: Omit<PluginHostParts, "version" | "serverName"> & { readonly ignoreBad: boolean },
): Promise<RunningPlugins> {
  followHooks(runner);
  return startPlugins(plugins, {
    runner,
    clock: parts.machine.clock,
    log: parts.log,
    ignoreBad,
    timeoutFor: (name) => timeoutOf(core, name),
    hostFor: pluginHostFor({ ...parts, version: VERSION, serverName: () => core.me.value }),
  });
}

/** Milliseconds a plugin's hook functions may take, as the configuration says now. */
export function timeoutOf(core: CoreSettings, name: string): number {
  const { timeoutMs, timeoutMsOf } = core.plugins.value;
  return timeoutMsOf.get(name) ?? timeoutMs;
}
