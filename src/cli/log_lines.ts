/**
 * The lines of a log for `kasi grep` and `kasi explain`: of a file, of the site's `daemon_log_file`, else of standard input. Read in pieces,
 * so that a log may be larger than the memory.
 */
import { createConfig } from "../config/config.ts";
import { loadCoreSettings } from "../config/core_settings.ts";
import { exists } from "../host/exists.ts";
import type { Machine } from "../host/types.ts";
import { createLogging } from "../log/logging.ts";
import { absoluteIn, findSite } from "../server/site.ts";

/** What is longer is no line of ours; it is cut. */
const LONGEST = 1024 * 1024;

/** The file to read; undefined for standard input. `given` `-` is standard input too. */
export async function logFile(given: string | undefined, site: string | undefined, machine: Machine) {
  if (given !== undefined) return given === "-" ? undefined : given;
  if (site === undefined) return undefined;
  const { host, clock } = machine;
  const found = findSite(host, site);
  const log = createLogging({ clock, sinks: [] }).root;
  const config = createConfig({ host, clock, dir: found.configDir, log, watch: false });
  const core = await loadCoreSettings(config, () => {});
  const { daemonize, daemonLogFile } = core.server.value;
  core.close();
  config.close();
  const path = absoluteIn(found.dataDir, daemonLogFile);
  // Without `daemonize` the log goes to standard output, and an old file would tell an old story.
  return daemonize && exists(host, path) ? path : undefined;
}

/** Each line without its end. Throws what the system says of a file that cannot be read. */
export function* logLines(file: string | undefined, { host }: Machine): Generator<string> {
  const open = file === undefined ? undefined : host.openSync(file, { read: true });
  const source = open ?? host.stdin;
  const decoder = new TextDecoder();
  const into = new Uint8Array(64 * 1024);
  let held = "";
  try {
    for (;;) {
      const count = source.readSync(into);
      if (count === null || count === 0) break;
      const parts = (held + decoder.decode(into.subarray(0, count), { stream: true })).split("\n");
      held = parts.pop()!.slice(0, LONGEST);
      for (const line of parts) yield line.endsWith("\r") ? line.slice(0, -1) : line;
    }
    held += decoder.decode();
    if (held !== "") yield held;
  } finally {
    open?.close();
  }
}

/** The session that a line belongs to: its id without what stands behind the first dot; "" for none. */
export function sessionOf(uuid: string): string {
  const at = uuid.indexOf(".");
  return at < 0 ? uuid : uuid.slice(0, at);
}
