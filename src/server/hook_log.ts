/**
 * Which log a plugin's question belongs to: while DEBUG is logged, what a hook function asks of DNS and network is logged under the id of the session
 * it runs for. `kasi explain` reads these lines.
 *
 * A question asked outside of any hook function (at start, by a timer) is logged under the plugin's name alone.
 */
import type { Clock } from "../base/clock.ts";
import { AsyncContext } from "../host/async_context.ts";
import type { DialOptions, DnsAnswer, Machine, RecordType } from "../host/types.ts";
import type { HookRunner } from "../hooks/hook_runner.ts";
import type { Logger } from "../log/types.ts";

const running = new AsyncContext<Logger>();

/** Has the runner remember for whom it calls a function. */
export function followHooks(runner: HookRunner): void {
  runner.within = (log, run) => running.run(log, run);
}

/** The same machine, its questions logged: as `lookup` and `dial` events at DEBUG. `log`: where there is no session. */
export function loggedMachine(machine: Machine, log: Logger): Machine {
  const { clock, resolver } = machine;
  return {
    ...machine,
    resolver: {
      async resolve(name, type, options) {
        if (!log.enabled("DEBUG")) return await resolver.resolve(name, type, options);
        const to = running.get() ?? log;
        const began = clock.monotonic();
        const tell = (answer: string) => to.event("lookup", { name, type, answer, ms: since(clock, began) });
        try {
          const answer = await resolver.resolve(name, type, options);
          tell(shownAnswer(answer));
          return answer;
        } catch (cause) {
          tell(reasonOf(cause));
          throw cause;
        }
      },
    },
    async dial(options) {
      if (!log.enabled("DEBUG")) return await machine.dial(options);
      const to = running.get() ?? log;
      const began = clock.monotonic();
      const tell = (answer: string) => to.event("dial", { to: shownPeer(options), answer, ms: since(clock, began) });
      try {
        const conn = await machine.dial(options);
        tell("connected");
        return conn;
      } catch (cause) {
        tell(reasonOf(cause));
        throw cause;
      }
    },
  };
}

function since(clock: Clock, began: number): number {
  return Math.round((clock.monotonic() - began) * 100) / 100;
}

/** A TXT record may be as long as a key: the beginning tells which one it is. */
const MOST_SHOWN = 200;

function shownAnswer(answer: DnsAnswer<RecordType>): string {
  switch (answer.kind) {
    case "records": {
      const text = answer.records.map((record) => typeof record === "string" ? record : shownRecord(record)).join(", ");
      return text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text;
    }
    case "failed":
      return `${answer.reason}: ${answer.detail}`;
    default:
      return answer.kind;
  }
}

function shownRecord(record: object): string {
  return Object.values(record).map((value) => value instanceof Uint8Array ? `${value.length} octets` : value).join(" ");
}

function shownPeer({ to }: DialOptions): string {
  return "path" in to
    ? to.path
    : to.hostname.includes(":")
    ? `[${to.hostname}]:${to.port}`
    : `${to.hostname}:${to.port}`;
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
