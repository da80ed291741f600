/** A process in a world of crashes: deals the shards out, opens their queues, and works on them as clients and operators do. */
import { utf8Encode } from "../../src/base/bytes.ts";
import type { Taken } from "../../src/hooks/outbound.ts";
import type { Logger } from "../../src/log/types.ts";
import { createMessage, loadMessage } from "../../src/mail/message.ts";
import { memorySource } from "../../src/mail/source.ts";
import { Queue } from "../../src/queue/queue.ts";
import { dealShards, shardDir } from "../../src/queue/shards.ts";
import { type ListedItem, QUEUE_DEFAULTS, type QueueSettings } from "../../src/queue/types.ts";
import type { CrashDisk } from "../kit/crash_disk.ts";
import { CrashCourier } from "./crash_courier.ts";
import type { Mail, World } from "./crash_world.ts";
import { envelope, fakeHooks } from "./queue_kit.ts";

export const ROOT = "/srv/queue";
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const INTERVALS = [MINUTE, MINUTE, 5 * MINUTE, DAY, DAY];
const DOMAINS = Array.from({ length: 12 }, (_, n) => `d${n}.example`);
const FILLER = Array.from({ length: 400 }, (_, n) => `Line ${n} of a mail.\r\n`).join("");
const FIELDS = "Date: Thu, 01 Jan 2026 00:00:00 +0000\r\nSubject: Mail\r\n\r\n";

export interface ShardsOptions {
  readonly workers: number;
  /** Every next hop takes everything at once. */
  readonly willing: boolean;
  /** Only looks; nothing of it is to be remembered. */
  readonly idle?: boolean;
}

export class Shards {
  readonly #world: World;
  readonly #disk: CrashDisk;
  readonly #queues: readonly Queue[];
  readonly dirs: readonly string[];
  /** A law that broke where nobody waited. */
  #broken: unknown;

  /** As a server starts: rejects as it would. */
  static async open(world: World, disk: CrashDisk, { workers, willing, idle }: ShardsOptions): Promise<Shards> {
    const { host } = disk;
    host.mkdirSync(ROOT, { recursive: true });
    await dealShards(host, ROOT, workers);
    const dirs = workers === 0 ? [ROOT] : Array.from({ length: workers }, (_, i) => shardDir(ROOT, i + 1));
    const value: QueueSettings = {
      ...QUEUE_DEFAULTS,
      me: "us.example",
      intervals: INTERVALS,
      bodyThreshold: 1500,
      memoryBudget: 6000,
      keyWindowMs: 1000 * DAY,
      delayWarningMs: MINUTE / 2,
      delayWarningFor: "all",
      alwaysSplit: world.chance(0.2),
    };
    const queues: Queue[] = [];
    for (const dir of dirs) {
      queues.push(
        await Queue.open({
          host,
          clock: world.clock,
          dir,
          log: logOf(world),
          hooks: fakeHooks(),
          settings: { value, onChange: () => () => {} },
          segmentBytes: 3000,
          random: (into) => into.forEach((_, i) => into[i] = world.upTo(256)),
          newId: () => world.newId(),
        }),
      );
    }
    const shards = new Shards(world, disk, queues, dirs);
    if (idle) return shards;
    // A start does not end over a last sync that fails; this one was no start.
    if (disk.dead) throw new Error("The machine has died");
    world.inspect(shards.list());
    const courier = new CrashCourier({ world, disk, intervals: INTERVALS.length, willing });
    for (const queue of queues) queue.start(courier);
    return shards;
  }

  private constructor(world: World, disk: CrashDisk, queues: readonly Queue[], dirs: readonly string[]) {
    this.#world = world;
    this.#disk = disk;
    this.#queues = queues;
    this.dirs = dirs;
  }

  list(): ListedItem[] {
    return this.#queues.flatMap((queue) => queue.list());
  }

  /** So many doings, one after the other or at the same time, until the machine dies. */
  async work(doings: number, run: string): Promise<void> {
    const { random } = this.#world;
    for (let n = 0; n < doings && !this.#disk.dead; n++) {
      const dice = random();
      if (dice < 0.12) {
        await Promise.all(
          Array.from({ length: 20 + this.#world.upTo(160) }, (_, i) => this.#submit(`${run}-${n}-${i}`)),
        );
      } else if (dice < 0.6) {
        const submitted = this.#submit(`${run}-${n}`);
        submitted.catch((broken) => this.#broken ??= broken);
        if (this.#world.chance(0.4)) await submitted;
      } else if (dice < 0.62) await this.#again(`${run}-${n}`);
      else if (dice < 0.64) this.#any().flush(this.#world.chance(0.5) ? undefined : DOMAINS[0]);
      else if (dice < 0.69) await this.#hold();
      else if (dice < 0.73) await this.#release();
      else if (dice < 0.76) await this.#remove();
      else if (dice < 0.78) await this.#bounce();
      else if (dice < 0.8) await this.#retry();
      else if (dice < 0.9) await this.#pass(this.#world.upTo(40));
      else await this.#pass(this.#world.chance(0.8) ? 2 * MINUTE : DAY);
    }
    if (this.#world.chance(0.5)) await this.#pass(500);
    if (this.#broken !== undefined) throw this.#broken;
  }

  /** Until nothing is queued any more. */
  async drain(): Promise<void> {
    for (const queue of this.#queues) {
      for (const { id, state } of queue.list()) {
        if (state !== "held") continue;
        await queue.release(id);
        this.#world.item(id).hold = "no";
      }
    }
    for (let day = 0; day < 10 && this.list().length > 0; day++) {
      for (const queue of this.#queues) queue.flush();
      await this.#world.clock.advance(day === 0 ? 100 : 2 * MINUTE);
    }
    const left = this.list();
    this.#world.law(
      left.length === 0,
      () => `The queue does not empty: ${left.map(({ id, state }) => `${id} ${state}`)}`,
    );
    for (const queue of this.#queues) await queue.stop(0);
    for (const dir of this.dirs) {
      const bodies = this.#disk.names(`${dir}/body`);
      this.#world.law(bodies.length === 0, () => `Bodies are left over: ${bodies}`);
    }
  }

  /** Time passes, for as long as the machine lives. */
  async #pass(ms: number): Promise<void> {
    const { clock } = this.#world;
    const end = clock.now() + ms;
    // What is on its way arms its timers, or dies.
    await clock.advance(0);
    while (!this.#disk.dead && clock.now() < end) {
      const left = end - clock.now();
      await clock.advance(Math.min(left, clock.untilNext ?? left));
    }
  }

  #any(): Queue {
    return this.#queues[this.#world.upTo(this.#queues.length)]!;
  }

  /** A client that has heard no answer, or has forgotten it, submits anew. Where there are several shards each has keys of its own. */
  async #again(id: string): Promise<void> {
    if (this.#queues.length > 1) return;
    const keys = [...this.#world.mails.values()].slice(-40).flatMap(({ key }) => key ?? []);
    if (keys.length > 0) await this.#submit(id, keys[this.#world.upTo(keys.length)]);
  }

  /** Never rejects but for a broken law: a client that is refused goes its way. */
  async #submit(id: string, key = this.#world.chance(0.2) ? `key of ${id}` : undefined): Promise<void> {
    const world = this.#world;
    const dice = world.random();
    const count = dice < 0.6 ? 1 : dice < 0.95 ? 1 + world.upTo(3) : 5 + world.upTo(15);
    const addresses = Array.from({ length: count }, (_, n) => `${id}-${n}@${DOMAINS[world.upTo(DOMAINS.length)]}`);
    const large = world.chance(0.15);
    const body = `${FILLER.slice(FILLER.length - world.upTo(large ? 5000 : 900))}${id}\r\n`;
    const mail = world.submit(id, body, addresses, key);
    const known = key !== undefined && this.#queues.length === 1 && world.isTaken(key);
    let taken: Taken;
    try {
      taken = await this.#accept(this.#any(), mail, large && world.chance(0.7));
    } catch {
      // The disk has failed, or the machine has died.
      return;
    }
    if (taken.repeated) return world.repeated(mail, taken.id);
    world.law(!known, () => `${id} is queued though a mail under its key was acknowledged`);
    world.acknowledge(mail);
  }

  async #accept(queue: Queue, { id, body, people, key }: Mail, spooled: boolean): Promise<Taken> {
    const octets = utf8Encode(`Message-Id: <${id}@client>\r\n${FIELDS}${body}`);
    const under = { ...envelope(id, "us@home.example", people.map(({ address }) => address)), key };
    if (!spooled) return await queue.accept(under, createMessage(memorySource(octets)));
    const spool = queue.spool();
    try {
      const half = octets.length >> 1;
      await spool.write(octets.subarray(0, half));
      await spool.write(octets.subarray(half));
      return await queue.accept(under, await loadMessage(await spool.finish()));
    } finally {
      spool.discard();
    }
  }

  /** An item the operator points at. */
  #pick(queue: Queue, state?: "held"): ListedItem | undefined {
    let items: ListedItem[];
    try {
      items = queue.list(state === undefined ? {} : { state });
    } catch {
      return undefined;
    }
    return items[this.#world.upTo(items.length)];
  }

  async #hold(): Promise<void> {
    const queue = this.#any();
    const item = this.#pick(queue);
    if (item !== undefined) await this.#ask(item, "hold", "yes", () => queue.hold(item.id));
  }

  async #release(): Promise<void> {
    const queue = this.#any();
    const item = this.#pick(queue, "held");
    if (item !== undefined) await this.#ask(item, "hold", "no", () => queue.release(item.id));
  }

  async #remove(): Promise<void> {
    const queue = this.#any();
    const item = this.#pick(queue);
    // Whom a report would have told would never hear of it.
    if (item === undefined || item.sender === "") return;
    for (const address of item.recipients) this.#world.people.get(address)!.removed = true;
    await this.#ask(item, "removed", "yes", () => queue.remove(item.id));
  }

  /** Given up by the operator: the sender hears of it. */
  async #bounce(): Promise<void> {
    const queue = this.#any();
    const item = this.#pick(queue);
    if (item === undefined || item.sender === "") return;
    for (const address of item.recipients) this.#world.people.get(address)!.refused = true;
    const order = { verb: "bounce", filter: { id: item.id }, reason: "Enough of it" } as const;
    await this.#ask(item, "removed", "yes", async () => (await queue.order(order)).items);
  }

  async #retry(): Promise<void> {
    const queue = this.#any();
    const item = this.#pick(queue);
    if (item === undefined) return;
    this.#world.trace?.(`asked: retry ${item.id}`);
    await queue.order({ verb: "retry", filter: { id: item.id } }).catch(() => {});
  }

  async #ask<K extends "hold" | "removed">(
    { id }: ListedItem,
    what: K,
    answer: "yes" | "no",
    act: () => Promise<number>,
  ): Promise<void> {
    const fate = this.#world.item(id);
    this.#world.trace?.(`asked: ${what} ${answer} ${id}`);
    fate[what] = "maybe";
    try {
      if (await act() === 0) return;
      fate[what] = answer;
      fate.since = this.#world.clock.now();
    } catch {
      // What was asked for may hold all the same.
    }
  }
}

/** Heeds the one thing that must never be logged. */
function logOf(world: World): Logger {
  const nothing = () => {};
  const log: Logger = {
    enabled: () => false,
    log: nothing,
    data: nothing,
    protocol: nothing,
    debug: nothing,
    info: nothing,
    notice: nothing,
    warn: nothing,
    error: nothing,
    crit: nothing,
    alert: nothing,
    emerg: nothing,
    event: (name, event) => {
      if (name !== "queue_corrupt") return;
      const { reason } = event as { reason: string };
      world.law(!reason.startsWith("meaningless"), () => `A sound record means nothing: ${reason}`);
    },
    child: () => log,
  };
  return log;
}
