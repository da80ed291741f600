/** What all sessions and deliveries of a process have in common: memories, results, a secret. Opened once, closed with the server. */
import type { ExpiringMemory } from "../base/expiring_memory.ts";
import type { CoreSettings } from "../config/core_types.ts";
import { RESULTS_INI } from "../config/files/results_ini.ts";
import type { Config } from "../config/types.ts";
import type { Machine, RedisLink } from "../host/types.ts";
import type { Notes } from "../hooks/notes.ts";
import { ResultRoom } from "../hooks/result_room.ts";
import type { Logger } from "../log/types.ts";
import { AuthFailures } from "../session/auth_failures.ts";
import type { SessionContext } from "../session/context.ts";
import { serverSecret } from "./secret.ts";
import { SharedTlsMemory } from "./tls_memory.ts";

export interface CommonOptions {
  readonly machine: Machine;
  readonly core: CoreSettings;
  readonly config: Config;
  readonly log: Logger;
  /** The plugin `redis` leaves its connection at `redis`. */
  readonly notes: Notes;
  readonly dataDir: string;
}

export interface Common {
  readonly results: ResultRoom;
  /** Where the TLS of hosts that we deliver to, and of clients, is known to be broken. */
  readonly brokenTls: ExpiringMemory;
  readonly ofSessions: Pick<SessionContext, "results" | "authFailures" | "secret" | "brokenTls">;
  close(): void;
}

const REDIS_MS = 1_000;

export async function openCommon({ machine, core, config, log, notes, dataDir }: CommonOptions): Promise<Common> {
  const { clock, host } = machine;
  const results = new ResultRoom(log);
  const unfollow = results.follow(await config.ini(RESULTS_INI));
  const { memoryServer } = core.tls.value;
  const own = memoryServer && await machine.openRedis({ ...memoryServer, timeoutMs: REDIS_MS }, {
    onReady: () => log.info("Redis remembers broken TLS", { server: memoryServer.hostname }),
    onTrouble: (reason) => log.error(`Redis of tls.ini: ${reason.message}; broken TLS is remembered here only`),
  });
  const shared = () => notes.get("redis") as RedisLink | undefined;
  const brokenTls = new SharedTlsMemory(clock, log, () => own ?? shared());
  return {
    results,
    brokenTls,
    ofSessions: {
      results,
      authFailures: new AuthFailures(clock),
      secret: serverSecret(host, dataDir, log),
      brokenTls: {
        has: (ip) => core.tls.value.rememberClients && brokenTls.has(ip),
        add: (ip) => {
          const { rememberClients, disableInboundExpiryMs } = core.tls.value;
          if (rememberClients) brokenTls.add(ip, disableInboundExpiryMs);
        },
      },
    },
    close() {
      unfollow();
      own?.close();
    },
  };
}
