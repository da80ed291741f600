/** A plugin is a value: the default export of an ES module. Start from `plugins/example.ts`. */
import type { Config } from "../config/types.ts";
import type { FileShape } from "../config/shape.ts";
import type { Machine } from "../host/types.ts";
import type { Logger } from "../log/types.ts";
import type { Message } from "../mail/message.ts";
import type { Notes } from "./notes.ts";
import type { MainThread, Operations } from "./operations.ts";
import type { Envelope, Forwarder, Taken } from "./outbound.ts";
import type { HookHandler, HookName } from "./points.ts";
import type { ResultFeed } from "./results.ts";
import type { Outbound } from "./send.ts";

/** The server as plugins see it. */
export interface ServerFace {
  readonly notes: Notes;
  readonly version: string;
  /** Server name (`me`). */
  readonly name: string;
}

/** What `setup` is given. */
export interface PluginHost {
  /** The plugin's name as configured. */
  readonly name: string;
  readonly config: Config;
  readonly log: Logger;
  readonly server: ServerFace;
  /** DNS, connections, files and time, so that a plugin need not name a runtime and can be tested without one. */
  readonly machine: Machine;
  /** Where the server keeps what it writes; absolute. */
  readonly dataDir: string;
  readonly forwarder: Forwarder;
  /** Every change of the results of all sessions. */
  readonly results: ResultFeed;
  /** Puts a message into the outbound queue; resolves once it is safe on disk. */
  enqueue(envelope: Envelope, message: Message): Promise<Taken>;
  /** Sends mail of the plugin's own. */
  readonly outbound: Outbound;
  /** The whole server, all its workers together. */
  readonly operations: Operations;
  /** The way to this plugin in the main thread. */
  readonly main: MainThread;
  /** Aborted when the server stops. */
  readonly signal: AbortSignal;
}

/** A hook function with a priority: −100 … 100, lower runs first, default 0. */
export interface Prioritized<N extends HookName> {
  readonly priority: number;
  readonly run: HookHandler<N>;
}
type Listed<N extends HookName> = HookHandler<N> | Prioritized<N>;
/** A hook's function, or several of them. */
export type HookTable = { readonly [N in HookName]?: Listed<N> | readonly Listed<N>[] };

export interface Plugin {
  readonly name: string;
  /** One sentence for `kasi -l` and the manual. */
  readonly about?: string;
  /** The ini files it reads, for `kasi check` and the manual. */
  readonly files?: readonly FileShape[];
  /** Called once at start: reads configuration, gives the hooks it wants. Throws ConfigError for an operator's slip. */
  setup?(host: PluginHost): HookTable | Promise<HookTable>;
  /** For plugins that need no setup. */
  readonly hooks?: HookTable;
  /** Called once at stop; let go of timers and connections. */
  stop?(): void | Promise<void>;
}
