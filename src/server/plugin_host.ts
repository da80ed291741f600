/** What each plugin's `setup` is given: the server's parts, under the plugin's own name. */
import type { Config } from "../config/types.ts";
import type { Machine } from "../host/types.ts";
import type { Notes } from "../hooks/notes.ts";
import type { MainThread, Operations } from "../hooks/operations.ts";
import type { Forwarder } from "../hooks/outbound.ts";
import type { PluginHost } from "../hooks/plugin.ts";
import type { ResultFeed } from "../hooks/results.ts";
import { createOutbound, type OutboundParts } from "../hooks/send.ts";
import type { Logger } from "../log/types.ts";
import { loggedMachine } from "./hook_log.ts";

export interface PluginHostParts {
  readonly config: Config;
  readonly log: Logger;
  readonly machine: Machine;
  readonly notes: Notes;
  readonly version: string;
  readonly serverName: () => string;
  readonly dataDir: string;
  readonly forwarder: Forwarder;
  readonly results: ResultFeed;
  readonly outbound: OutboundParts;
  readonly operations: Operations;
  readonly mainOf: (name: string) => MainThread;
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
  return (name) => {
    const log = parts.log.child({ origin: name });
    return {
      name,
      server,
      config: parts.config,
      log,
      machine: loggedMachine(parts.machine, log),
      dataDir: parts.dataDir,
      forwarder: parts.forwarder,
      results: parts.results,
      enqueue: (envelope, message) => parts.outbound.enqueue(envelope, message),
      outbound: createOutbound(parts.outbound, log),
      operations: parts.operations,
      main: parts.mainOf(name),
      signal: parts.signal,
    };
  };
}
