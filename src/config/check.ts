/** `kasi check`, the part about files: everything that is wrong with a site's configuration, in one list. */
import { ConfigError, describeFault } from "../base/config_error.ts";
import type { ConfigFault } from "../base/config_error.ts";
import { loadCoreSettings } from "./core_settings.ts";
import { CORE_FILES, PLAIN_FILES } from "./files/core_files.ts";
import { mergeShapes } from "./merge_shapes.ts";
import { editDistance, nearestName } from "./nearest.ts";
import type { FileShape } from "./shape.ts";
import type { SiteConfig } from "./types.ts";

/** Where any file may stand: certificates, and the plugins' own. */
const OPEN_DIRECTORIES = /^(tls|dkim|http)\//;
/** What editors and package managers leave behind; and a plugin's time limit. */
const PASSED_OVER = /(~|\.(bak|orig|rej|swp|dpkg-\w+|rpm\w+|timeout))$|(^|\/)\./;

/** The faults of every known file, by file and line, then files whose names are nearly one we know. `shapes`: the core's and the plugins'. */
export async function checkSite(config: SiteConfig, shapes: readonly FileShape[]): Promise<ConfigFault[]> {
  const all = mergeShapes([...CORE_FILES, ...shapes]);
  const faults = [...all.values()].flatMap((shape) => config.faults(shape));
  const said = new Set(faults.map(describeFault));
  faults.push(...(await faultsOfValues(config)).filter((fault) => !said.has(describeFault(fault))));
  return [...faults, ...unknownFiles(config, new Set([...all.keys(), ...PLAIN_FILES]))];
}

/** What only shows when the settings are put to use: endpoints, schedules, ports. */
async function faultsOfValues(config: SiteConfig): Promise<readonly ConfigFault[]> {
  const faults: ConfigFault[] = [];
  try {
    (await loadCoreSettings(config, (fault) => void faults.push(fault))).close();
  } catch (reason) {
    if (!(reason instanceof ConfigError)) throw reason;
    faults.push(reason.fault);
  }
  return faults;
}

/** A name that is nearly one we know is a slip; any other file may be a site plugin's. */
function unknownFiles(config: SiteConfig, known: ReadonlySet<string>): readonly ConfigFault[] {
  const isOther = (name: string) => !known.has(name) && !OPEN_DIRECTORIES.test(name) && !PASSED_OVER.test(name);
  return config.names().filter(isOther).flatMap((name) => {
    const nearest = nearestName(name, known);
    if (nearest === undefined || !isSlip(name, nearest)) return [];
    return [{ file: config.path(name), wanted: "a file that something reads", nearest }];
  });
}

function isSlip(name: string, nearest: string): boolean {
  const stem = name.replace(/\.[^.]+$/, "");
  const distance = editDistance(name.toLowerCase(), nearest.toLowerCase());
  return distance <= 2 && distance * 2 < stem.length;
}
