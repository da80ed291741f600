/**
 * One worker: a server of its own over one shard of the queue, led by the main thread's messages. Its log goes to the main thread, in order.
 *
 * It exits with 0 when it was told to end, or found nothing wrong in a rehearsal; with 1 when it could not start.
 */
import { BaseHandler, type LogRecord } from "@std/log";
import { ConfigError } from "../../base/config_error.ts";
import { thisMachine } from "../../host/machine.ts";
import { onUncaught } from "../../host/uncaught.ts";
import type { Taken } from "../../hooks/outbound.ts";
import { PluginError } from "../../hooks/loader.ts";
import { createMetrics } from "../../http/metrics.ts";
import { createLogging } from "../../log/logging.ts";
import type { LogItem } from "../../log/types.ts";
import { SharedSlots } from "../../queue/shared_slots.ts";
import { SharedPaces } from "../../queue/sites/shared_paces.ts";
import { serveAsWorker, type Server } from "../../server.ts";
import type { AskAll } from "../plugin_operations.ts";
import { rehearse } from "../rehearsal.ts";
import { type Handover, takeOver } from "./handover.ts";
import { Claims } from "./claims.ts";
import type { FromWorker, ToWorker, Verb, Verbs, WorkerData } from "./messages.ts";
import { Questions } from "./questions.ts";

export interface WorkerPort {
  readonly data: unknown;
  post(message: FromWorker): void;
  onMessage(listener: (message: unknown) => void): void;
}

/** Lines of one turn go in one message. */
export class PortSink extends BaseHandler {
  readonly #post: (items: readonly LogItem[]) => void;
  #items: LogItem[] = [];

  constructor(post: (items: readonly LogItem[]) => void) {
    super("NOTSET");
    this.#post = post;
  }

  override handle(record: LogRecord): void {
    if (this.#items.push(record.args[0] as LogItem) === 1) queueMicrotask(() => this.flush());
  }

  log(): void {}

  flush(): void {
    const items = this.#items;
    this.#items = [];
    if (items.length > 0) this.#post(items);
  }
}

/** Resolves to the exit code. */
export async function runWorker(port: WorkerPort): Promise<number> {
  const data = port.data as WorkerData;
  const machine = await thisMachine();
  const logging = createLogging({
    clock: machine.clock,
    sinks: [new PortSink((items) => port.post({ kind: "log", items }))],
  });
  const metrics = data.counts ? createMetrics() : undefined;
  if (metrics !== undefined) logging.onEvent = metrics.count;
  onUncaught((fault) => port.post({ kind: "uncaught", reason: textOf(fault) }));
  const site = data.site === undefined ? {} : { site: data.site };
  try {
    if (data.rehearse) {
      await (await rehearse({ machine, ...site, log: logging.root, setUp: false })).stop();
      return 0;
    }
    const asker = new Asker((message) => port.post(message));
    const claims = new Claims((message) => port.post(message));
    const server = await serveAsWorker({
      machine,
      logging,
      ...site,
      ...(data.dataDir === undefined ? {} : { dataDir: data.dataDir }),
      ...(data.plugins === undefined ? {} : { plugins: data.plugins }),
    }, {
      endpoints: data.endpoints,
      shard: data.shard,
      shared: { slots: new SharedSlots(data.slots, data.number - 1), paces: new SharedPaces(data.paces) },
      claims,
      ask: asker.ask,
      tell: (name, value) => port.post({ kind: "plugin", name, value }),
      onSessions: (count) => void Atomics.store(new Int32Array(data.sessions), data.number - 1, count),
    });
    const ended = follow(port, server, {
      counts: () => metrics?.drain(),
      async enqueue(given) {
        const { envelope, message } = await takeOver(machine.host, given);
        return await server.enqueue(envelope, message);
      },
      submitted: (key) => server.submitted(key),
      asker,
      claims,
    });
    port.post({ kind: "ready" });
    await ended;
    logging.flush();
    return 0;
  } catch (cause) {
    logging.flush();
    const slip = cause instanceof ConfigError || cause instanceof PluginError;
    port.post({ kind: "failed", reason: slip ? cause.message : textOf(cause) });
    return 1;
  }
}

/** Asks all workers, this one among them, by way of the main thread. */
export class Asker {
  readonly #post: (message: FromWorker) => void;
  readonly #questions = new Questions<readonly unknown[]>();

  constructor(post: (message: FromWorker) => void) {
    this.#post = post;
  }

  readonly ask: AskAll = (verb, takes) =>
    this.#questions.ask((id) => this.#post({ kind: "ask", id, verb, takes })) as ReturnType<AskAll> as never;

  hear({ id, gives, fault }: Extract<ToWorker, { kind: "answers" }>): void {
    this.#questions.hear(id, gives, fault);
  }
}

export interface FollowOptions {
  readonly counts: () => unknown;
  readonly enqueue: (given: Handover) => Promise<Taken>;
  readonly submitted: (key: string) => string | undefined;
  /** Who hears the answers to what this worker asked. */
  readonly asker?: Asker;
  readonly claims?: Claims;
}

/** Does what the main thread says; resolves once it said to end, and all has ended. */
export function follow(
  port: Pick<WorkerPort, "post" | "onMessage">,
  server: Server,
  { counts, enqueue, submitted, asker, claims }: FollowOptions,
) {
  const { operations } = server;
  const verbs: { readonly [V in Verb]: (takes: never) => Promise<unknown> } = {
    list: (filter) => operations.list(filter),
    stats: async () => ({ ...await operations.stats(), counts: counts() }),
    flush: (domain) => operations.flush(domain),
    enqueue,
    async submitted(key) {
      const id = submitted(key);
      return id === undefined ? {} : { id };
    },
    trace: (id) => operations.trace(id),
    order: (order) => operations.order(order),
    sites: (ask) => operations.sites(ask),
    pools: () => operations.pools(),
    import: ({ dir, step }: Verbs["import"]["takes"]) => operations.import(dir, step),
  };
  return new Promise<void>((resolve, reject) => {
    port.onMessage((message) => {
      const told = message as ToWorker;
      if (told.kind === "answers") return asker?.hear(told);
      if (told.kind === "claimed") return claims?.hear(told);
      if (told.kind !== "ask") {
        const ended = told.kind === "stop" ? server.stop(told.deadlineMs) : server.drain(told.deadlineMs);
        return void ended.then(resolve, reject);
      }
      const { id, verb, takes } = told;
      verbs[verb](takes as never).then(
        (gives) => port.post({ kind: "answer", id, gives }),
        (fault) => port.post({ kind: "refusal", id, reason: fault instanceof Error ? fault.message : String(fault) }),
      );
    });
  });
}

function textOf(fault: unknown): string {
  return fault instanceof Error ? fault.stack ?? fault.message : String(fault);
}
