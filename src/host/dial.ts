/**
 * `Machine.dial`: the host's own `connect`, or `node:net` where a source address is bound, which Deno's ignores.
 *
 * Rejects on refusal, after `timeoutMs` (a `DeadlineError`) or with the signal's reason.
 */
import { type Clock, systemClock } from "../base/clock.ts";
import { deadline } from "../base/deadline.ts";
import { closeConn } from "./conn.ts";
import type { Conn, DialOptions, Host } from "./types.ts";

export async function dial(host: Host, options: DialOptions, clock: Clock = systemClock): Promise<Conn> {
  const { to, localAddress } = options;
  const limit = deadline(clock, options.timeoutMs, "Connecting", options.signal);
  const { signal } = limit;
  try {
    signal.throwIfAborted();
    const conn = "path" in to
      ? await host.connect({ transport: "unix", path: to.path, signal })
      : localAddress === undefined
      ? await host.connect({ hostname: to.hostname, port: to.port, signal })
      : await (await import("./node/connect.ts")).connect({ ...to, localAddress, signal });
    if (signal.aborted) closeConn(conn);
    else if ("port" in conn.remoteAddr) conn.setNoDelay?.(true);
    signal.throwIfAborted();
    return conn;
  } catch (reason) {
    // Deno words an abort in its own way; the caller wants the reason.
    throw signal.aborted ? signal.reason : reason;
  } finally {
    limit.end();
  }
}
