/**
 * A start without a server: configuration read, plugins set up, nothing listened on and no queue opened, so that it may run beside a
 * running server. `kasi -o` and `kasi check` work by it.
 */
import { createConfig } from "../config/config.ts";
import { loadCoreSettings } from "../config/core_settings.ts";
import type { CoreSettings } from "../config/core_types.ts";
import type { Config } from "../config/types.ts";
import { createCourier } from "../delivery/courier.ts";
import type { Machine } from "../host/types.ts";
import { HookRunner } from "../hooks/hook_runner.ts";
import type { LoadedPlugin } from "../hooks/loader.ts";
import { Notes } from "../hooks/notes.ts";
import { ResultRoom } from "../hooks/result_room.ts";
import type { Logger } from "../log/types.ts";
import { noQueue } from "./no_queue.ts";
import { deliverySettings } from "./outbound_settings.ts";
import { askAlone, pluginOperations, Tidings } from "./plugin_operations.ts";
import { choosePlugins, startChosen } from "./plugins.ts";
import { findSite } from "./site.ts";

export interface Rehearsal {
  readonly config: Config;
  readonly core: CoreSettings;
  readonly hooks: HookRunner;
  readonly plugins: readonly LoadedPlugin[];
  stop(): Promise<void>;
}

export interface RehearsalOptions {
  readonly machine: Machine;
  readonly site?: string;
  readonly log: Logger;
  /** Whether plugins are set up too; else they are only loaded. */
  readonly setUp: boolean;
  /** Values of the wrong form are passed over: for `kasi check`, which lists them itself. */
  readonly tolerant?: boolean;
  /** In the place of `config/plugins`. */
  readonly plugins?: readonly string[];
}

/** Throws what a start would throw: ConfigError, PluginError. */
export async function rehearse({ machine, log, ...options }: RehearsalOptions): Promise<Rehearsal> {
  const { host, clock } = machine;
  const site = findSite(host, options.site);
  const config = createConfig({
    host,
    clock,
    dir: site.configDir,
    log,
    watch: false,
    tolerant: options.tolerant ?? false,
  });
  const core = await loadCoreSettings(config);
  const stopping = new AbortController();
  const hooks = new HookRunner({ clock, log, onFault: core.plugins.value.onFault });
  const courier = createCourier({ machine, hooks, log, settings: deliverySettings(core, config, host) });
  const plugins = await choosePlugins(options.plugins, core, { machine, log, site, signal: stopping.signal });
  const running = options.setUp
    ? await startChosen(plugins, hooks, core, {
      config,
      log,
      machine,
      notes: new Notes(),
      dataDir: site.dataDir,
      forwarder: courier,
      results: new ResultRoom(log),
      outbound: noQueue("Cannot queue mail: this is a rehearsal without a queue"),
      operations: pluginOperations(askAlone(() => undefined)),
      mainOf: (name) => new Tidings().of(name),
      signal: stopping.signal,
      ignoreBad: false,
    })
    : undefined;
  return {
    config,
    core,
    hooks,
    plugins,
    async stop() {
      stopping.abort(new Error("The rehearsal is over"));
      await running?.stop(1000);
      await courier.stop();
      core.close();
      config.close();
    },
  };
}
