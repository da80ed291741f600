/**
 * The server's certificates: those of tls.ini and `config/tls/`, or a self-made one where the operator has given none.
 *
 * A key that cannot be read or does not fit is a ConfigError at start; after a reload the last good ones stay and the log says why. The
 * self-made certificate is kept in `tls/` below the data directory, so that clients see the same one after a restart.
 */
import type { CoreSettings } from "../config/core_settings.ts";
import type { Config } from "../config/types.ts";
import type { Machine, ServerTls } from "../host/types.ts";
import type { Logger } from "../log/types.ts";

export interface TlsStore {
  /** Undefined when there is no certificate at all. */
  readonly server: ServerTls | undefined;
  /** Whether the certificate is our own making. */
  readonly selfMade: boolean;
  /** Reads the files again; faults are logged and the old certificates stay. */
  reload(): void;
  close(): void;
}

export interface TlsStoreOptions {
  readonly machine: Machine;
  readonly config: Config;
  readonly core: CoreSettings;
  readonly log: Logger;
  readonly dataDir: string;
}

export declare function loadServerTls(options: TlsStoreOptions): Promise<TlsStore>;
