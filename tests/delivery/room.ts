/** A courier in a machine in memory, with what its tests need around it. */
import { utf8Encode } from "../../src/base/bytes.ts";
import { createCourier, type DeliveryRoom } from "../../src/delivery/courier.ts";
import { DELIVERY_DEFAULTS, type DeliverySettings } from "../../src/delivery/settings.ts";
import { type Stage, STAGES } from "../../src/delivery/stages.ts";
import type { HookHandler } from "../../src/hooks/points.ts";
import type { Attempt, Destination, Item, MailOptions } from "../../src/hooks/outbound.ts";
import type { Hooks } from "../../src/hooks/runner.ts";
import type { Recipient } from "../../src/hooks/session.ts";
import type { Site } from "../../src/hooks/site.ts";
import type { Logger } from "../../src/log/types.ts";
import { parseAddress } from "../../src/mail/address.ts";
import { createMessage, type Message } from "../../src/mail/message.ts";
import { memorySource } from "../../src/mail/source.ts";
import { type MemoryMachine, memoryMachine } from "../kit/memory_host.ts";
import { type MemoryLog, memoryLog } from "../kit/memory_log.ts";
import type { ZoneText } from "../kit/zone.ts";

export const BODY = "Subject: hello\r\n\r\nA line.\r\n";
/** One host, as most tests want it. */
export const ONE_HOST: ZoneText = {
  "example.com": { MX: ["10 mx1.example.com"] },
  "mx1.example.com": { A: ["192.0.2.1"] },
};
export const TWO_HOSTS: ZoneText = {
  "example.com": { MX: ["10 mx1.example.com", "20 mx2.example.com"] },
  "mx1.example.com": { A: ["192.0.2.1"] },
  "mx2.example.com": { A: ["192.0.2.2"] },
};
export const FIRST = { hostname: "192.0.2.1", port: 25 };
export const SECOND = { hostname: "192.0.2.2", port: 25 };
/** Every stage may take a second. */
export const QUICK = Object.fromEntries(Object.keys(STAGES).map((stage) => [stage, 1000])) as { [S in Stage]: number };

export interface RoomOptions {
  readonly zone?: ZoneText;
  readonly settings?: Partial<DeliverySettings>;
  readonly getMx?: HookHandler<"get_mx">;
  readonly random?: () => number;
  readonly machine?: MemoryMachine;
}
export interface Posting {
  readonly to?: readonly string[];
  readonly from?: string;
  readonly message?: Message;
  readonly notes?: Readonly<Record<string, unknown>>;
  readonly domain?: string;
  readonly smtpUtf8?: boolean;
  readonly wanted?: MailOptions;
  /** What RCPT said, for every recipient. */
  readonly asked?: Pick<Recipient, "notify" | "originalRecipient">;
  readonly signal?: AbortSignal;
  readonly log?: Logger;
  /** Of the message; the same for all by default. */
  readonly id?: string;
  readonly site?: Site;
  /** By `Forwarder.send()` to these, instead of `deliver()`. */
  readonly via?: readonly Destination[];
}
export interface Room {
  readonly machine: MemoryMachine;
  readonly courier: DeliveryRoom;
  readonly log: MemoryLog;
  settings: DeliverySettings;
  /** One attempt; time runs as long as it takes. */
  post(posting?: Posting): Promise<Attempt>;
  /** The same as lines: `to kind status text`. */
  lines(posting?: Posting): Promise<string[]>;
  close(): Promise<void>;
}

export function makeRoom(options: RoomOptions = {}): Room {
  const machine = options.machine ?? memoryMachine({ zone: options.zone ?? ONE_HOST });
  const log = memoryLog("DATA");
  const never = new AbortController().signal;
  const room: Room = {
    machine,
    log,
    settings: { ...DELIVERY_DEFAULTS, helo: "us.example", timeouts: QUICK, ...options.settings },
    courier: createCourier({
      machine,
      hooks: hooksWith(options.getMx),
      log: log.log,
      settings: () => room.settings,
      random: options.random ?? (() => 0.99),
    }),
    post(posting = {}) {
      const item = makeItem(posting, log);
      const message = posting.message ?? text(BODY);
      const signal = posting.signal ?? never;
      return timed(
        machine,
        posting.via === undefined
          ? room.courier.deliver(item, message, signal)
          : room.courier.send(item, message, posting.via, signal),
      );
    },
    async lines(posting) {
      return (await room.post(posting)).outcomes.map((outcome) => {
        const to = outcome.recipient.address.address;
        return outcome.kind === "delivered"
          ? `${to} delivered`
          : `${to} ${outcome.kind} ${outcome.reason.status} ${outcome.reason.text}`;
      });
    },
    close: () => timed(machine, room.courier.stop()),
  };
  return room;
}

export function text(body: string): Message {
  return createMessage(memorySource(utf8Encode(body)));
}

/** A message that is not in memory: it comes in chunks, and may fail in the middle. */
export function streamed(chunks: readonly string[], failure?: Error): Message {
  const bytes = chunks.map(utf8Encode);
  return createMessage({
    size: bytes.reduce((sum, chunk) => sum + chunk.length, 0),
    open() {
      let i = 0;
      return new ReadableStream({
        pull(controller) {
          const chunk = bytes[i++];
          if (chunk !== undefined) controller.enqueue(chunk);
          else if (failure !== undefined) controller.error(failure);
          else controller.close();
        },
      });
    },
  }, { start: bytes[0]! });
}

/** Lets time pass until `work` is done. */
export async function timed<T>(machine: MemoryMachine, work: Promise<T>): Promise<T> {
  let done = false;
  const end = () => void (done = true);
  work.then(end, end);
  for (let quiet = 0; !done; quiet = quiet + 1) {
    await machine.clock.advance(0);
    // A few turns of the event loop first: what needs no time shall take none.
    if (!done && quiet >= 8) await machine.clock.advance(Math.min(machine.clock.untilNext ?? 50, 50));
  }
  return await work;
}

function makeItem(posting: Posting, log: MemoryLog): Item {
  const recipients = (posting.to ?? ["a@example.com", "b@example.com"]).map((to) => ({
    ...recipient(to),
    ...posting.asked,
  }));
  return {
    id: `${posting.id ?? "TEST.1"}.1`,
    domain: posting.domain ?? recipients[0]!.address.host,
    envelope: {
      id: posting.id ?? "TEST.1",
      sender: parseAddress(posting.from ?? "<me@us.example>")!,
      recipients,
      notes: posting.notes ?? {},
      smtpUtf8: posting.smtpUtf8 ?? false,
      wanted: posting.wanted,
    },
    recipients,
    ...(posting.site && { site: posting.site }),
    attempts: 0,
    queuedAt: 0,
    size: 0,
    log: posting.log ?? log.log,
  };
}

function recipient(address: string): Recipient {
  return { address: parseAddress(`<${address}>`)!, parameters: new Map() };
}

function hooksWith(getMx: HookHandler<"get_mx"> | undefined): Hooks {
  return {
    has: (name) => name === "get_mx" && getMx !== undefined,
    async run(_name, event) {
      const verdict = await getMx!({ ...event, signal: new AbortController().signal } as never);
      return { verdict: verdict as never, by: "test" };
    },
  };
}
