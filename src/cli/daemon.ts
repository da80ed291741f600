/** `daemonize` of smtp.ini: the process starts itself once more in the background and ends, with 1 when the copy did not come to stand. */
import type { ServerSettings } from "../config/core_types.ts";
import { ConfigError } from "../base/config_error.ts";
import { detach, type Detached } from "../host/detach.ts";
import type { Host } from "../host/types.ts";
import { refuseLiving } from "../server/pid_file.ts";
import type { Terminal } from "./terminal.ts";

/** Throws ConfigError when a server with the same PID file runs, or output has nowhere to go. */
export async function goToBackground(
  { daemonPidFile, daemonLogFile }: ServerSettings,
  { host, out }: { host: Host; out: Terminal },
): Promise<number> {
  // The copy looks again; but here somebody sees it.
  refuseLiving(host, daemonPidFile);
  let outcome: Detached;
  try {
    outcome = await detach(daemonLogFile);
  } catch (cause) {
    throw new ConfigError({
      file: "smtp.ini",
      setting: "[main] daemonize",
      current: "true",
      wanted: `a service manager instead, as this cannot be done here: ${
        cause instanceof Error ? cause.message : cause
      }`,
    }, { cause });
  }
  if ("pid" in outcome) {
    return out.say(`Kasi runs in the background (process ${outcome.pid}); its log is ${daemonLogFile}`);
  }
  out.complain(`Kasi did not start in the background: ${outcome.failed}; see ${daemonLogFile}`);
  return 1;
}
