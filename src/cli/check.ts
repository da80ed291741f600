/**
 * `kasi check`: reads the whole configuration, loads and sets up the plugins without listening, and prints every fault, one per line, with
 * file, line, what stands there, what is wanted, and the nearest known name. Exit code 1 when there is one.
 */
import { ConfigError, describeFault } from "../base/config_error.ts";
import { checkSite } from "../config/check.ts";
import { createConfig } from "../config/config.ts";
import { loadCoreSettings } from "../config/core_settings.ts";
import type { CoreSettings } from "../config/core_types.ts";
import { CORE_FILES } from "../config/files/core_files.ts";
import type { FileShape } from "../config/shape.ts";
import type { Machine } from "../host/types.ts";
import { type LoadedPlugin, loadPlugins } from "../hooks/loader.ts";
import { createLogging } from "../log/logging.ts";
import { FOR_HARAKA } from "../server/plugins.ts";
import { findSite } from "../server/site.ts";
import { rehearse } from "../server/rehearsal.ts";
import { checkCertificates } from "../server/tls_store.ts";
import { SHIPPED } from "../../plugins/shipped.ts";
import type { Terminal } from "./terminal.ts";

export async function check(
  action: { readonly site?: string },
  { machine, out }: { machine: Machine; out: Terminal },
): Promise<number> {
  const site = findSite(machine.host, action.site);
  const log = createLogging({ clock: machine.clock, sinks: [] }).root;
  const config = createConfig({
    host: machine.host,
    clock: machine.clock,
    dir: site.configDir,
    log,
    watch: false,
    tolerant: true,
  });
  const faults = new Set<string>();
  const attempt = async (part: () => void | Promise<void>) => {
    try {
      await part();
    } catch (cause) {
      faults.add(cause instanceof ConfigError ? describeFault(cause.fault) : (cause as Error).message ?? String(cause));
    }
  };
  // Each part by itself, and past wrong values, so that one fault does not hide the next.
  let core: CoreSettings | undefined;
  await attempt(async () => {
    core = await loadCoreSettings(config, () => {});
    core.close();
    for (const { fault } of checkCertificates({ machine, config, core })) faults.add(describeFault(fault));
  });
  const loader = {
    host: machine.host,
    log,
    shipped: SHIPPED,
    cacheDir: `${site.dataDir}/plugin-cache`,
    pins: core?.plugins.value.pins ?? {},
    ...FOR_HARAKA,
    ...(site.dir === undefined ? {} : { siteDir: site.dir }),
  };
  const loaded: LoadedPlugin[] = [];
  for (const name of (await config.list("plugins")).value) {
    await attempt(async () => void loaded.push(...await loadPlugins([name], loader)));
  }
  const shapes = [...CORE_FILES, ...await pluginShapes(SHIPPED), ...loaded.flatMap(({ plugin }) => plugin.files ?? [])];
  for (const fault of await checkSite(config, shapes)) faults.add(describeFault(fault));
  config.close();
  // Each plugin that loads is set up by itself, then, where all is in order, all of them together.
  const options = { machine, log, setUp: true, ...(action.site === undefined ? {} : { site: action.site }) };
  for (const { name } of loaded) {
    await attempt(async () => await (await rehearse({ ...options, plugins: [name], tolerant: true })).stop());
  }
  if (faults.size === 0) await attempt(async () => await (await rehearse(options)).stop());
  for (const fault of faults) out.complain(fault);
  if (faults.size > 0) {
    out.complain(`${faults.size} fault${faults.size === 1 ? "" : "s"} in ${site.configDir}`);
    return 1;
  }
  return out.say(`${site.configDir} is in order`);
}

/** The ini files that the shipped plugins declare. */
export async function pluginShapes(plugins: typeof SHIPPED): Promise<FileShape[]> {
  const shapes = new Map<string, FileShape>();
  for (const load of Object.values(plugins)) {
    const { default: plugin } = await load() as { default?: { files?: readonly FileShape[] } };
    for (const shape of plugin?.files ?? []) shapes.set(shape.file, shape);
  }
  return [...shapes.values()];
}
