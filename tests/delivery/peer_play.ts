/**
 * Plays one cell of `peer_table.ts` to its end: a mail for two recipients through a queue and a courier, in memory, to one host or two,
 * until every recipient has it or the sender was told. Time is a clock's that nobody waits for.
 */
import assert from "node:assert/strict";
import { createCourier } from "../../src/delivery/courier.ts";
import { DELIVERY_DEFAULTS, type DeliverySettings } from "../../src/delivery/settings.ts";
import type { Destination, Outcome } from "../../src/hooks/outbound.ts";
import type { Hooks } from "../../src/hooks/runner.ts";
import { answer } from "../../src/hooks/verdict.ts";
import { Queue } from "../../src/queue/queue.ts";
import { QUEUE_DEFAULTS, type QueueSettings } from "../../src/queue/types.ts";
import { envelope, mail } from "../queue/queue_kit.ts";
import { settled } from "../kit/fake_clock.ts";
import { type MemoryMachine, memoryMachine } from "../kit/memory_host.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { memoryServerTls, type MemoryTlsOptions } from "../kit/memory_tls.ts";
import { type Answer, type PeerScript, type ScriptedPeer, scriptedPeer } from "../kit/scripted_peer.ts";
import { type Cell, type StageName, STAGES, type Way } from "./peer_table.ts";
import { QUICK } from "./room.ts";

/** The first wait of the schedule, and the only one: the second failure is one too many. */
export const INTERVAL_MS = 64_000;
const HOSTS = ["192.0.2.1", "192.0.2.2"] as const;
/** Where reports go. */
const HOME = "192.0.2.100";
export const FIRST_RECIPIENT = "a@example.com";
const RECIPIENTS = [FIRST_RECIPIENT, "b@example.com"] as const;

export interface Game {
  readonly protocol: "smtp" | "lmtp";
  readonly way: Way;
  readonly tls?: "opportunistic" | "required" | undefined;
  readonly auth?: boolean | undefined;
  readonly large?: boolean | undefined;
  /** The first host. */
  readonly script: PeerScript;
  /** Said or done by the first host between two mails. */
  readonly idle?: Answer;
  /** Code of the error that dialling the first host ends with; "" for one that swallows connections. Absent: it listens. */
  readonly dial?: string;
  readonly handshake?: MemoryTlsOptions;
  readonly settings?: Partial<DeliverySettings>;
}

export interface ReportBlock {
  readonly [field: string]: string;
}
export interface Played {
  /** `sent`, `wait 4.2.0`, `bounce 5.1.1`: of each recipient in the first attempt at the last mail. */
  readonly fates: readonly string[];
  /** Whether the second host was asked in the first attempt. */
  readonly askedNext: boolean;
  /** Recipients of the second attempt, and how long after the end of the first it began. */
  readonly again: { readonly recipients: readonly string[]; readonly afterMs: number } | undefined;
  readonly attempts: number;
  /** Per report, when it was made after the end of the first attempt, and each recipient's fields. */
  readonly reports: readonly { readonly afterMs: number; readonly blocks: readonly ReportBlock[] }[];
  /** How often all the hosts together have taken the message. */
  readonly copies: number;
}

export async function play(game: Game, hosts: 1 | 2): Promise<Played> {
  const machine = memoryMachine({
    zone: { "home.example": { MX: [`1 mx.home.example`] }, "mx.home.example": { A: [HOME] } },
  });
  const { clock } = machine;
  const { log } = memoryLog();
  const serverTls = memoryServerTls(clock, game.handshake);
  const offers = [
    ...(game.way === "pipelined" || game.way === "chunked" ? ["PIPELINING"] : []),
    ...(game.way.startsWith("chunked") ? ["CHUNKING"] : []),
    ...(game.auth ? ["AUTH PLAIN"] : []),
    ...(game.tls === undefined ? [] : ["STARTTLS"]),
  ];
  const lmtp = game.protocol === "lmtp";
  const peers: ScriptedPeer[] = [];
  if (game.dial === undefined) {
    peers.push(scriptedPeer(machine, at(HOSTS[0]), { lmtp, offers, tls: serverTls, ...game.script }));
  }
  const second = scriptedPeer(machine, at(HOSTS[1]), { lmtp, offers, tls: memoryServerTls(clock) });
  const home = scriptedPeer(machine, at(HOME));
  const dialling = game.dial === undefined ? machine : dialledBy(machine, game.dial);
  const settings: DeliverySettings = {
    ...DELIVERY_DEFAULTS,
    helo: "us.example",
    timeouts: QUICK,
    connectTimeoutMs: 1000,
    idleMs: game.idle === undefined ? 0 : 5000,
    ...game.settings,
  };
  const routes = HOSTS.slice(0, hosts).map((host, priority): Destination => ({
    host,
    port: 25,
    priority,
    protocol: game.protocol,
    fromDns: `mx${priority + 1}.example.com`,
    ...(game.auth && { auth: { user: "u", pass: "p" } }),
    ...(game.tls === "required" && { tls: game.tls }),
  }));
  const courier = createCourier({ machine: dialling, hooks: hooksWith(routes), log, settings: () => settings });
  const queueSettings: QueueSettings = { me: "us.example", ...QUEUE_DEFAULTS, intervals: [INTERVAL_MS] };
  const queue = await Queue.open({
    host: machine.host,
    clock,
    dir: "/queue",
    log,
    hooks: hooksWith(routes),
    settings: { value: queueSettings, onChange: () => () => {} },
  });
  const attempts: {
    readonly from: number;
    readonly to: number;
    readonly outcomes: readonly Outcome[];
    next: number;
  }[] = [];
  const reportsAt: number[] = [];
  queue.start({
    async deliver(item, message, signal) {
      const from = clock.now();
      if (item.domain !== "example.com") reportsAt.push(from);
      const { outcomes, ...rest } = await courier.deliver(item, message, signal);
      if (item.domain === "example.com") attempts.push({ from, to: clock.now(), outcomes, next: second.connections });
      return { outcomes, ...rest };
    },
  });
  const body = game.large ? "A line of a large body.\r\n".repeat(16_000) : "A line.\r\n";
  const accept = (id: string) => queue.accept(envelope(id, "me@home.example", RECIPIENTS), mail(id, body));

  if (game.idle !== undefined) {
    await accept("A");
    await until(machine, () => attempts.length === 1);
    attempts.length = 0;
    void peers[0]!.act(game.idle).catch(() => {});
    await settled();
  }
  await accept("B");
  await until(machine, () => attempts.length > 0 && queue.list().length === 0);
  await run(machine, queue.stop(0));
  await run(machine, courier.stop());
  assert.equal(courier.stats().connections, 0, "a connection is left over");
  assert.equal(clock.pending, 0, "a timer is left over");
  const taken = [...peers, second].flatMap(({ messages }) => messages).filter((text) => text.includes("Subject: B"));
  for (const peer of [...peers, second, home]) peer.stop();

  const [first, again] = attempts;
  return {
    fates: RECIPIENTS.map((to) => fateOf(first!.outcomes.find(({ recipient }) => recipient.address.address === to))),
    askedNext: hosts === 2 && first!.next > 0,
    again: again && {
      recipients: again.outcomes.map(({ recipient }) => recipient.address.address),
      afterMs: again.from - first!.to,
    },
    attempts: attempts.length,
    reports: home.messages.map((text, i) => ({ afterMs: reportsAt[i]! - first!.to, blocks: blocksOf(text) })),
    copies: taken.length,
  };
}

/** What a cell says of each recipient, alone and with another host to ask. */
export function readCell(
  cell: Cell,
): { readonly fates: readonly string[]; readonly next: boolean; readonly withNext: readonly string[] } {
  const next = cell.endsWith(", next MX");
  const [one, other] = (next ? cell.slice(0, -", next MX".length) : cell).split(" · ");
  return {
    fates: [one!, other ?? one!],
    next,
    // What is said of one recipient stands; the rest goes on.
    withNext: next ? [other === undefined ? "sent" : one!, "sent"] : [one!, other ?? one!],
  };
}

/** The first host, with this answer at this stage. */
export function scriptOf(stage: StageName, answer: Answer): PeerScript {
  const { at } = STAGES[stage];
  switch (at) {
    case "idle":
      return {};
    case "rcpt":
    case "dot":
      // One of several, where each has a reply of its own.
      return stage === "dot" || stage === "BDAT"
        ? { [at]: answer }
        : { [at]: (command: string) => command.includes(FIRST_RECIPIENT) ? answer : undefined };
    case "body":
      return { body: typeof answer === "object" && answer.then === "silence" ? { ...answer, then: "stall" } : answer };
    case "helo":
      return { ehlo: "502 5.5.1 what", helo: answer };
    default:
      return { [at]: answer };
  }
}

const at = (hostname: string) => ({ hostname, port: 25 });

function fateOf(outcome: Outcome | undefined): string {
  if (outcome === undefined) return "no outcome";
  if (outcome.kind === "delivered") return "sent";
  return `${outcome.kind === "failed" ? "bounce" : "wait"} ${outcome.reason.status}`;
}

function hooksWith(routes: readonly Destination[]): Hooks {
  return {
    has: (name) => name === "get_mx",
    run: (_name, event) => ({
      verdict: ("domain" in event && event.domain === "example.com" ? answer(routes) : undefined) as never,
      by: "test",
    }),
  };
}

function dialledBy(machine: MemoryMachine, code: string): MemoryMachine {
  if (code === "") machine.net.silent.add(`${HOSTS[0]}:25`);
  return {
    ...machine,
    dial: (options) =>
      code !== "" && "hostname" in options.to && options.to.hostname === HOSTS[0]
        ? Promise.reject(Object.assign(new Error(`connect ${code}`), { code }))
        : machine.dial(options),
  };
}

/** The fields of each recipient in a report. */
function blocksOf(report: string): ReportBlock[] {
  const part = /\r\nContent-Type: message\/delivery-status\r\n\r\n(.*?)\r\n--report_/s.exec(report)?.[1] ?? "";
  return part.split("\r\n\r\n").slice(1).filter((block) => block.trim() !== "").map((block) =>
    Object.fromEntries(
      block.replace(/\r\n[ \t]+/g, " ").trim().split("\r\n").map((line) => [
        line.slice(0, line.indexOf(":")),
        line.slice(line.indexOf(":") + 1).trim(),
      ]),
    )
  );
}

/** Lets time pass, from one timer to the next, until it is so. */
async function until(machine: MemoryMachine, done: () => boolean): Promise<void> {
  for (let steps = 0; steps < 2000; steps++) {
    for (let turns = 0; turns < 3; turns++) {
      await settled();
      if (done()) return;
    }
    await machine.clock.advance(machine.clock.untilNext ?? 1);
  }
  throw new Error("It never came to an end");
}

async function run(machine: MemoryMachine, work: Promise<void>): Promise<void> {
  let over = false;
  work.finally(() => over = true);
  await until(machine, () => over);
}
