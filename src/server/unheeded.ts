/** Settings of Haraka's that are read but change nothing here, each with what to do instead; said once at start, so that nobody relies on them. */
import type { ServerSettings } from "../config/core_settings.ts";
import type { Logger } from "../log/types.ts";

const ROWS: readonly { readonly isSet: (settings: ServerSettings) => boolean; readonly say: string }[] = [
  { isSet: ({ nodes }) => nodes === "cpus" || nodes > 1, say: "smtp.ini nodes: this version serves with one process" },
];

export function tellUnheeded(settings: ServerSettings, log: Logger): void {
  for (const { isSet, say } of ROWS) if (isSet(settings)) log.warn(say);
}
