/** What the queue's tests share: a courier that never fails and always remembers everything, hooks from literals, mail by the line. */
import { utf8Encode } from "../../src/base/bytes.ts";
import type { Attempt, Envelope, Item, Outcome, Taken } from "../../src/hooks/outbound.ts";
import type { HookEvent, HookName, HookVerdict } from "../../src/hooks/points.ts";
import type { Hooks } from "../../src/hooks/runner.ts";
import type { Recipient } from "../../src/hooks/session.ts";
import { parseAddress } from "../../src/mail/address.ts";
import { createMessage, type Message } from "../../src/mail/message.ts";
import { memorySource } from "../../src/mail/source.ts";
import type { Courier } from "../../src/queue/courier.ts";
import { Queue } from "../../src/queue/queue.ts";
import { QUEUE_DEFAULTS, type QueueOptions, type QueueSettings } from "../../src/queue/types.ts";
import { CrashDisk } from "../kit/crash_disk.ts";
import { FakeClock, settled } from "../kit/fake_clock.ts";
import { memoryLog } from "../kit/memory_log.ts";

export const DIR = "/q/0";
export const MINUTE = 60_000;

export interface Delivery {
  readonly id: string;
  readonly domain: string;
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly text: string;
  readonly attempts: number;
  readonly at: number;
}

type Kind = Outcome["kind"];
/** What becomes of a recipient; a promise makes the delivery last. */
export type Verdicts = (address: string, item: Item) => Kind | Promise<Kind>;

export class TestCourier implements Courier {
  readonly deliveries: Delivery[] = [];
  /** Recipients it said "delivered" for. */
  readonly delivered: string[] = [];
  running = 0;
  mostAtOnce = 0;
  verdicts: Verdicts;
  readonly #clock: FakeClock;

  constructor(clock: FakeClock, verdicts: Verdicts = () => "delivered") {
    this.#clock = clock;
    this.verdicts = verdicts;
  }

  async deliver(item: Item, message: Message): Promise<Attempt> {
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.running);
    try {
      const text = await readText(message.open());
      const recipients = item.recipients.map(({ address }) => address.address);
      const sender = item.envelope.sender.address;
      const { id, domain, attempts } = item;
      this.deliveries.push({ id, domain, sender, recipients, text, attempts, at: this.#clock.now() });
      const outcomes: Outcome[] = [];
      for (const recipient of item.recipients) {
        const kind = await this.verdicts(recipient.address.address, item);
        if (kind === "delivered") this.delivered.push(recipient.address.address);
        outcomes.push(outcome(kind, recipient));
      }
      const via = {
        host: "mx.example",
        ip: "192.0.2.1",
        port: 25,
        mode: "SMTP",
        tls: true,
        authenticated: false,
      } as const;
      return { outcomes, via };
    } finally {
      this.running--;
    }
  }
}

function outcome(kind: Kind, recipient: Recipient): Outcome {
  if (kind === "delivered") return { kind, recipient, reply: { code: 250, enhanced: "2.0.0", text: "taken" } };
  const code = kind === "deferred" ? 451 : 550;
  const status = kind === "deferred" ? "4.2.1" : "5.1.1";
  const reply = { code, enhanced: status, text: kind === "deferred" ? "not now" : "no such user" };
  return { kind, recipient, reason: { text: `${code} ${status} ${reply.text}`, status, reply, remote: "mx.example" } };
}

export async function readText(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (const chunk of stream) for (const octet of chunk) text += String.fromCharCode(octet);
  return text;
}

type Handlers = { [N in HookName]?: (event: Omit<HookEvent<N>, "signal">) => HookVerdict<N> | undefined | void };

export function fakeHooks(handlers: Handlers = {}): Hooks {
  return {
    has: (name) => name in handlers,
    run: (name, event) => ({ verdict: (handlers[name]?.(event as never) ?? undefined) as never, by: "test" }),
  };
}

export function envelope(id: string, sender: string, recipients: readonly string[]): Envelope {
  return {
    id,
    sender: parseAddress(sender)!,
    recipients: recipients.map((text) => ({ address: parseAddress(text)!, parameters: new Map() })),
    notes: {},
    smtpUtf8: false,
  };
}

export function mail(subject: string, body = "Hello\r\n"): Message {
  const head = `Message-Id: <${subject}@test>\r\nDate: Thu, 01 Jan 2026 00:00:00 +0000\r\nSubject: ${subject}\r\n\r\n`;
  return createMessage(memorySource(utf8Encode(head + body)));
}

export interface Bench {
  readonly queue: Queue;
  readonly courier: TestCourier;
  readonly clock: FakeClock;
  readonly disk: CrashDisk;
  readonly log: ReturnType<typeof memoryLog>;
  /** What it was opened with, to open another. */
  readonly options: QueueOptions;
  /** Changes settings, as a reload does. */
  set(changes: Partial<QueueSettings>): void;
  accept(id: string, recipients: readonly string[], sender?: string, body?: string): Promise<Taken>;
}

export interface BenchOptions {
  readonly disk?: CrashDisk;
  readonly clock?: FakeClock;
  readonly hooks?: Hooks;
  readonly settings?: Partial<QueueSettings>;
  readonly verdicts?: Verdicts;
  readonly start?: boolean;
  readonly options?: Partial<QueueOptions>;
}

/** A queue on a disk in memory with a fake clock, delivering unless told not to. */
export async function bench(o: BenchOptions = {}): Promise<Bench> {
  const disk = o.disk ?? new CrashDisk();
  const clock = o.clock ?? new FakeClock();
  const log = memoryLog();
  let value: QueueSettings = { me: "us.example", ...QUEUE_DEFAULTS, ...o.settings };
  const listeners = new Set<(value: QueueSettings) => void>();
  const settings = {
    get value() {
      return value;
    },
    onChange(listener: (value: QueueSettings) => void) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
  const hooks = o.hooks ?? fakeHooks();
  const options: QueueOptions = { host: disk.host, clock, dir: DIR, log: log.log, hooks, settings, ...o.options };
  const queue = await Queue.open(options);
  const courier = new TestCourier(clock, o.verdicts);
  if (o.start !== false) queue.start(courier);
  return {
    queue,
    courier,
    clock,
    disk,
    log,
    options,
    set(changes) {
      value = { ...value, ...changes };
      for (const listener of listeners) listener(value);
    },
    accept: (id, recipients, sender = "us@home.example", body) =>
      queue.accept(envelope(id, sender, recipients), mail(id, body)),
  };
}

export { settled };
