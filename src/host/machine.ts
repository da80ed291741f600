/** The machine we run on: the runtime's own `Deno`, or its stand-in under Node, and what both lack. */
import os from "node:os";
import process from "node:process";
import { systemClock } from "../base/clock.ts";
import { normalizeIp } from "../base/ip.ts";
import { dial } from "./dial.ts";
import { openLocalLog } from "./local_log.ts";
import { openRedis } from "./redis.ts";
import { resolvConf, stubResolver } from "./resolver.ts";
import { run } from "./run.ts";
import { startThread } from "./threads.ts";
import { secureClient } from "./tls_client.ts";
import { openUdp } from "./udp.ts";
import type { Host, Machine, Resolver } from "./types.ts";

export interface MachineOptions {
  /** In place of the one that asks the servers of /etc/resolv.conf. */
  readonly resolver?: Resolver;
}

export async function thisMachine(options: MachineOptions = {}): Promise<Machine> {
  const deno = (globalThis as { Deno?: Host }).Deno;
  // Loaded only where it is needed, so that Deno does not pay for it.
  const host = deno ?? (await import("./node/host.ts")).nodeHost;
  return {
    host,
    clock: systemClock,
    resolver: options.resolver ?? stubResolver({ servers: resolvConf(readOr(host, "/etc/resolv.conf", "")) }),
    dial: (to) => dial(host, to),
    secureClient: (conn, upgrade) => secureClient(conn, upgrade),
    fetch: (url, options) => fetch(url, options),
    openRedis: (settings, watch) => openRedis(settings, watch),
    run: (options) => run(options),
    openUdp,
    openLocalLog: (options) => openLocalLog(host, options),
    setTitle: (title) => void (process.title = title),
    startThread,
    localAddresses: () =>
      Object.values(os.networkInterfaces()).flatMap((each) => each ?? []).map((each) => normalizeIp(each.address)),
  };
}

function readOr(host: Host, path: string, otherwise: string): string {
  try {
    return host.readTextFileSync(path);
  } catch {
    return otherwise;
  }
}
