/**
 * A whole server in memory with all shipped plugins and the shipped configuration, for mail from the mailbag: what became of each message, who refused
 * it, what faulted, and what each plugin's functions took.
 *
 * Time is the fake clock's: it moves only while a plugin lets the client wait on purpose. Next hops are in memory and take everything.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import process from "node:process";
import { setImmediate } from "node:timers";
import { BaseHandler, type LogRecord } from "@std/log";
import { type Bytes, utf8Decode, utf8Encode } from "../../src/base/bytes.ts";
import { closeConn } from "../../src/host/conn.ts";
import type { HookTable, Plugin } from "../../src/hooks/plugin.ts";
import type { EventOf } from "../../src/log/events.ts";
import { createLogging } from "../../src/log/logging.ts";
import type { LevelName, LogItem } from "../../src/log/types.ts";
import { serve, type Server } from "../../src/server.ts";
import { SHIPPED } from "../../plugins/shipped.ts";
import { ROOT } from "../house/source_files.ts";
import { FakeClock } from "./fake_clock.ts";
import { type MadeMail, OURS } from "./mailbag.ts";
import { FAR, MAIL_ZONE } from "./mailbag_zone.ts";
import { memoryHop, memoryUserdb } from "./memory_partners.ts";
import { type MemoryMachine, memoryMachine } from "./memory_host.ts";
import type { ZoneText } from "./zone.ts";

/** What a plugin's functions took so far, from call to answer, without what others took meanwhile. */
export interface Spent {
  calls: number;
  /** Microseconds of processor time of the whole process; 0 unless it is measured. */
  cpu: number;
}

export interface Verdict {
  /** The code and enhanced status of the last reply that mattered. */
  readonly reply: string;
  /** The command it answered. */
  readonly stage: "connect" | "EHLO" | "MAIL" | "RCPT" | "DATA" | "message";
  /** The plugin that took or refused it; "" where it was the engine. */
  readonly by: string;
  /** How many recipients were refused on the way. */
  readonly lost: number;
}

export interface PluginChain {
  readonly names: readonly string[];
  /** Of those that listen at a hook. */
  readonly spent: ReadonlyMap<string, Spent>;
  /** Lines of the log at ERROR and above, and plugin faults; should stay empty. */
  readonly faults: readonly string[];
  send(mail: MadeMail): Promise<Verdict>;
  stop(): Promise<void>;
}

export interface ChainOptions {
  /** Names of plugins to leave out. */
  readonly without?: readonly string[];
  /** What the DNS knows besides. */
  readonly zone?: ZoneText;
  readonly level?: LevelName;
  /** Take the plugins' time. */
  readonly measure?: boolean;
}

/** Our domain, where we listen, and partners that have no default; all else is as shipped. */
const OWN: { readonly [file: string]: string } = {
  "smtp.ini": "listen=198.51.100.1:25\nnodes=0\n",
  me: "kasi.test\n",
  host_list: "kasi.test\n",
  "smtp_proxy.ini": "host=127.0.0.1\n",
  "smtp_forward.ini": "host=127.0.0.1\n",
};

/** They let clients wait: only for them time passes. */
const LET_WAIT = new Set(["early_talker", "tarpit", "limit"]);

/** Plugins of config/plugins in its order, those that are commented out as well; the others in front of the one that takes recipients, or the queue. */
export function chainOrder(): string[] {
  const listed = readFileSync(`${ROOT}config/plugins`, "utf8").split("\n")
    .map((line) => line.replace(/^#/, "")).filter((line) => Object.hasOwn(SHIPPED, line));
  const rest = Object.keys(SHIPPED).filter((name) => !listed.includes(name));
  const [queues, others] = [
    rest.filter((name) => name.startsWith("queue/")),
    rest.filter((name) => !name.startsWith("queue/")),
  ];
  const put = (names: readonly string[], before: string) => listed.splice(listed.indexOf(before), 0, ...names);
  put(queues, "queue/maildir");
  put(others, "rcpt_to.in_host_list");
  return listed;
}

export async function startChain(options: ChainOptions = {}): Promise<PluginChain> {
  const names = chainOrder().filter((name) => !options.without?.includes(name));
  const clock = new FakeClock(undefined, turn);
  const machine = memoryMachine({
    clock,
    zone: { ...MAIL_ZONE, ...options.zone },
    openLocalLog: () => Promise.resolve({ write: () => Promise.resolve(), close() {} }),
    run: () => Promise.resolve({ code: 0, complaint: "" }),
  });
  writeConfig(machine);
  const hops = [[FAR, 25], ["127.0.0.1", 25], ["127.0.0.1", 24]] as const;
  const partners = [
    ...hops.map(([hostname, port]) => memoryHop(machine.host.listen({ hostname, port }))),
    memoryUserdb(machine.net.listen({ path: "/var/run/dovecot/auth-userdb" }), OURS),
  ];

  const meter = new Meter(options.measure ?? false, (waiting) => void passTime(clock, waiting));
  const plugins: Plugin[] = [];
  for (const name of names) {
    const plugin: Plugin = (await SHIPPED[name as keyof typeof SHIPPED]()).default;
    plugins.push(meter.around(plugin));
  }
  const faults: string[] = [];
  let by = "";
  const logging = createLogging({
    clock,
    sinks: [new FaultHandler(faults)],
    level: options.level ?? "INFO",
    onEvent(name, event) {
      if (name !== "verdict") return;
      const { hook, plugin, verdict } = event as EventOf<"verdict">;
      const isRefusal = verdict === "deny" || verdict === "defer" || verdict === "hangUp";
      if (isRefusal || hook.startsWith("queue")) by = plugin;
    },
  });
  let sent = 0;
  plugins.unshift({
    name: "(router)",
    hooks: { data_post: ({ transaction }) => void transaction.notes.set("queue.wants", QUEUES[sent % QUEUES.length]) },
  });
  const server: Server = await serve({ machine, site: "/site", logging, plugins });

  return {
    names,
    spent: meter.spent,
    faults,
    async send(mail) {
      by = "";
      sent++;
      const verdict = await talk(machine, mail);
      // What goes on behind the client's back is no other message's cost.
      for (let quiet = 0; quiet < 5; quiet++) {
        await turn();
        if (server.sessions > 0 || (await server.outbound.stats()).inProgress > 0) quiet = 0;
      }
      return { ...verdict, by };
    },
    async stop() {
      const stopped = server.stop(1000);
      let over = false;
      stopped.finally(() => over = true);
      while (!over) await clock.advance(100);
      for (const partner of partners) partner.close();
    },
  };
}

/** Keeps what is ERROR or worse: plugin faults are, and what plugins say of themselves when something is amiss. */
class FaultHandler extends BaseHandler {
  readonly #faults: string[];
  constructor(faults: string[]) {
    super("DEBUG");
    this.#faults = faults;
  }
  override log(): void {}
  override handle(record: LogRecord): void {
    const { level, origin, message } = record.args[0] as LogItem;
    if (WRONG.has(level)) this.#faults.push(`${origin}: ${message}`);
  }
}
const WRONG: ReadonlySet<LevelName> = new Set(["EMERG", "ALERT", "CRIT", "ERROR"]);

/** Lets time pass until what waits for it is over. */
async function passTime(clock: FakeClock, waiting: Promise<unknown>): Promise<void> {
  let isOver = false;
  const end = () => void (isOver = true);
  waiting.then(end, end);
  for (await turn(); !isOver; await turn()) await clock.advance(1000);
}

/** One turn of the event loop; a timer would cost a millisecond of nothing each time. */
function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

function writeConfig({ host }: MemoryMachine): void {
  const copy = (dir: string) => {
    host.mkdirSync(`/site/${dir}`, { recursive: true });
    for (const name of readdirSync(`${ROOT}${dir}`)) {
      const path = `${dir}/${name}`;
      if (statSync(ROOT + path).isDirectory()) copy(path);
      else host.writeFileSync(`/site/${path}`, new Uint8Array(readFileSync(ROOT + path)));
    }
  };
  copy("config");
  for (const [name, text] of Object.entries(OWN)) host.writeTextFileSync(`/site/config/${name}`, text);
  for (const dir of ["/tmp", "/var/qmail/bin"]) host.mkdirSync(dir, { recursive: true });
  host.writeTextFileSync("/var/qmail/bin/qmail-queue", "");
}

/** Queue plugins that take messages which ask for them (`queue.wants`); the messages ask in turn. */
const QUEUES = ["maildir", "smtp_forward", "smtp_proxy", "lmtp", "qmail-queue", "discard", "test", "maildir"] as const;

/** Takes the time of plugins' functions. One session at a time, so that what runs between call and answer is the plugin's, or a log hook's. */
class Meter {
  readonly spent = new Map<string, Spent>();
  readonly #now: () => number;
  readonly #onWait: (waiting: Promise<unknown>) => void;
  /** What it costs to look at the clock. */
  readonly #look: number;
  /** Microseconds of functions that were called within another's. */
  #within = 0;

  /** `onWait` is called when a plugin lets the client wait, with what ends that. */
  constructor(measure: boolean, onWait: (waiting: Promise<unknown>) => void) {
    this.#onWait = onWait;
    this.#now = measure ? cpuMicros : () => 0;
    const began = this.#now();
    for (let i = 0; i < 1000; i++) this.#now();
    this.#look = (this.#now() - began) / 1001;
  }

  around(plugin: Plugin): Plugin {
    const { setup } = plugin;
    return {
      ...plugin,
      ...(plugin.hooks === undefined ? {} : { hooks: this.#table(plugin.name, plugin.hooks) }),
      ...(setup === undefined ? {} : { setup: async (host) => this.#table(plugin.name, await setup(host) ?? {}) }),
    };
  }

  #table(name: string, table: HookTable): HookTable {
    const spent = this.spent.get(name) ?? { calls: 0, cpu: 0 };
    if (Object.keys(table).length > 0) this.spent.set(name, spent);
    const wrap = (entry: unknown): unknown => {
      if (Array.isArray(entry)) return entry.map(wrap);
      if (typeof entry === "function") return this.#timed(name, spent, entry as (event: unknown) => unknown);
      if (entry === undefined || entry === null) return entry;
      const { run, ...rest } = entry as { run: (event: unknown) => unknown };
      return { ...rest, run: this.#timed(name, spent, run) };
    };
    return Object.fromEntries(Object.entries(table).map(([hook, entry]) => [hook, wrap(entry)])) as HookTable;
  }

  #timed(name: string, spent: Spent, run: (event: unknown) => unknown): (event: unknown) => unknown {
    return (event) => {
      const within = this.#within;
      spent.calls++;
      const began = this.#now();
      const end = () => {
        const all = this.#now() - began;
        spent.cpu += all - this.#look - (this.#within - within);
        // For whoever called us in the middle of its own: both looks at the clock as well.
        this.#within = within + all + this.#look;
      };
      let said: unknown;
      try {
        said = run(event);
      } finally {
        if (!(said instanceof Promise)) end();
      }
      if (!(said instanceof Promise)) return said;
      if (LET_WAIT.has(name)) this.#onWait(said);
      return said.finally(end);
    };
  }
}

function cpuMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** Speaks for a client that waits for each reply. */
async function talk({ net }: MemoryMachine, mail: MadeMail): Promise<Omit<Verdict, "by">> {
  let lost = 0;
  const conn = await net.connect({ hostname: "198.51.100.1", port: 25 }, mail.client.ip);
  const writer = conn.writable.getWriter();
  const reader = conn.readable.getReader();
  let held = "";
  const reply = async (): Promise<string> => {
    for (;;) {
      const found = /^(?:\d{3}-.*\r\n)*(\d{3}) ?(.*)\r\n/.exec(held);
      if (found !== null) {
        held = held.slice(found[0].length);
        return `${found[1]} ${/^\d\.\d+\.\d+(?= )/.exec(found[2]!)?.[0] ?? ""}`.trim();
      }
      const { done, value } = await reader.read();
      if (done) return "gone";
      held += utf8Decode(value);
    }
  };
  const say = async (line: string | Bytes) => {
    // A server that has hung up has said why.
    await writer.write(typeof line === "string" ? utf8Encode(`${line}\r\n`) : line).catch(() => {});
    return await reply();
  };
  const isYes = (code: string) => code.startsWith("2") || code.startsWith("3");
  try {
    let said = await reply();
    if (!isYes(said)) return { stage: "connect", reply: said, lost };
    said = await say(`EHLO ${mail.client.helo}`);
    if (!isYes(said)) return { stage: "EHLO", reply: said, lost };
    said = await say(`MAIL FROM:<${mail.from}>`);
    if (!isYes(said)) return { stage: "MAIL", reply: said, lost };
    const answers: string[] = [];
    for (const to of mail.to) answers.push(await say(`RCPT TO:<${to}>`));
    lost = answers.filter((answer) => !isYes(answer)).length;
    if (!answers.some(isYes)) return { stage: "RCPT", reply: answers[0]!, lost };
    said = await say("DATA");
    if (!isYes(said)) return { stage: "DATA", reply: said, lost };
    return { stage: "message", reply: await say(onTheWire(mail.octets)), lost };
  } finally {
    await say("QUIT").catch(() => {});
    reader.releaseLock();
    closeConn(conn);
  }
}

/** Dots doubled, and the end (RFC 5321 §4.5.2). */
function onTheWire(octets: Bytes): Bytes {
  const out: number[] = [];
  let atStart = true;
  for (const octet of octets) {
    if (atStart && octet === 46) out.push(46);
    out.push(octet);
    atStart = octet === 10;
  }
  if (out.at(-1) !== 10) out.push(13, 10);
  out.push(46, 13, 10);
  return Uint8Array.from(out);
}
