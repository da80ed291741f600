/**
 * Who tells the server what to do while it runs: signals, the control socket, and a fault that shall end it. One place for all of them.
 *
 * SIGINT and SIGTERM once: end in good order; a second time: exit code 1 at once. SIGHUP: try all waiting mail now, read renewed certificates.
 * What comes before the server stands is heeded once it does.
 */
import type { Host, SignalName } from "../host/types.ts";

export interface Orders {
  /** Resolves to the exit code once somebody says stop. */
  readonly stopped: Promise<number>;
  /** As a signal would, but a second time changes nothing. */
  stop(code?: number): void;
  /** From now on SIGHUP reaches the server; one that came before does so at once. */
  onFlush(flush: () => void): void;
  /** Hears no signals any more. */
  release(): void;
}

export function takeOrders(host: Pick<Host, "addSignalListener" | "removeSignalListener" | "exit">): Orders {
  const { promise: stopped, resolve: stop } = Promise.withResolvers<number>();
  let told = false;
  let flushWanted = false;
  let flush: () => void = () => flushWanted = true;
  const onStop = () => {
    if (told) host.exit(1);
    told = true;
    stop(0);
  };
  const onHangUp = () => flush();
  const handlers: readonly [SignalName, () => void][] = [
    ["SIGHUP", onHangUp],
    ["SIGINT", onStop],
    ["SIGTERM", onStop],
  ];
  for (const [name, handler] of handlers) host.addSignalListener(name, handler);
  return {
    stopped,
    stop: (code = 0) => stop(code),
    onFlush(heed) {
      flush = heed;
      if (flushWanted) heed();
    },
    release() {
      for (const [name, handler] of handlers) host.removeSignalListener(name, handler);
    },
  };
}
