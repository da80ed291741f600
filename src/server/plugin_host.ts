/** What each plugin's `setup` is given: the server's parts, under the plugin's own name. */
import type { Config } from "../config/types.ts";
import type { Machine } from "../host/types.ts";
import type { Notes } from "../hooks/notes.ts";
import type { Forwarder } from "../hooks/outbound.ts";
import type { PluginHost } from "../hooks/plugin.ts";
import type { Logger } from "../log/types.ts";

export interface PluginHostParts {
  readonly config: Config;
  readonly log: Logger;
  readonly machine: Machine;
  readonly notes: Notes;
  readonly version: string;
  readonly serverName: () => string;
  readonly dataDir: string;
  readonly forwarder: Forwarder;
  readonly enqueue: PluginHost["enqueue"];
  readonly signal: AbortSignal;
}

export function pluginHostFor(parts: PluginHostParts): (name: string) => PluginHost {
  const server = {
    notes: parts.notes,
    version: parts.version,
    get name() {
      return parts.serverName();
    },
  };
  return (name) => ({
    name,
    server,
    config: parts.config,
    log: parts.log.child({ origin: name }),
    machine: parts.machine,
    dataDir: parts.dataDir,
    forwarder: parts.forwarder,
    enqueue: parts.enqueue,
    signal: parts.signal,
  });
}
