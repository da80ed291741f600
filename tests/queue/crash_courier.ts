/** The next hops of a world of crashes: they take, refuse, put off and break down as the lot falls, take their time, and read every octet. */
import type { Attempt, Item, Outcome } from "../../src/hooks/outbound.ts";
import type { Recipient } from "../../src/hooks/session.ts";
import type { Message } from "../../src/mail/message.ts";
import type { Courier } from "../../src/queue/courier.ts";
import type { CrashDisk } from "../kit/crash_disk.ts";
import type { World } from "./crash_world.ts";

const decoder = new TextDecoder();

export interface CourierOptions {
  readonly world: World;
  readonly disk: CrashDisk;
  /** Failed attempts that a message may have. */
  readonly intervals: number;
  /** Everything is taken at once. */
  readonly willing: boolean;
}

export class CrashCourier implements Courier {
  readonly #options: CourierOptions;

  constructor(options: CourierOptions) {
    this.#options = options;
  }

  async deliver(item: Item, message: Message, signal: AbortSignal): Promise<Attempt> {
    const { world, disk, willing, intervals } = this.#options;
    if (disk.dead) throw new Error("The machine has died");
    world.attempted(item);
    const text = await textOf(message);
    if (!willing && world.chance(0.35)) await pause(world, world.upTo(60), signal);
    if (disk.dead) throw new Error("The machine has died");
    const isReport = item.envelope.sender.isNull();
    if (!isReport) {
      const mail = world.people.get(item.recipients[0]!.address.address)?.mail;
      world.law(mail !== undefined && text.endsWith(mail.body), () => `${item.id} arrives with another text`);
    }
    if (!willing && world.chance(0.02)) {
      world.failed(item);
      if (item.attempts >= intervals && !isReport) this.#noted(item, []);
      throw new Error("The connection broke down");
    }
    const outcomes = item.recipients.map((recipient) => this.#outcome(recipient, isReport));
    if (outcomes.some(({ kind }) => kind === "deferred")) world.failed(item);
    if (isReport) this.#reported(item, outcomes[0]!, text);
    else this.#noted(item, outcomes);
    return { outcomes, via: VIA };
  }

  #outcome(recipient: Recipient, isReport: boolean): Outcome {
    const { world, willing } = this.#options;
    const dice = willing ? 0 : world.random();
    if (dice < (isReport ? 0.8 : 0.7)) return { kind: "delivered", recipient, reply: { code: 250, text: "taken" } };
    const kind = dice < (isReport ? 0.99 : 0.9) ? "deferred" : "failed";
    return { kind, recipient, reason: { text: "so the lot fell", status: kind === "deferred" ? "4.2.1" : "5.1.1" } };
  }

  #noted({ attempts, recipients }: Item, outcomes: readonly Outcome[]): void {
    const { world, intervals } = this.#options;
    const kinds = new Map(outcomes.map(({ recipient, kind }) => [recipient, kind]));
    for (const recipient of recipients) {
      const kind = kinds.get(recipient) ?? "deferred";
      const person = world.people.get(recipient.address.address)!;
      if (kind === "delivered") person.done.push(world.clock.now());
      // One that was put off too often is refused, too.
      else if (kind === "failed" || attempts >= intervals) person.refused = true;
    }
  }

  /** A report that arrives has told the sender of each of its recipients; one that nobody takes is the end of it, too. */
  #reported({ attempts }: Item, { kind }: Outcome, text: string): void {
    const { world, intervals } = this.#options;
    if (kind === "deferred" && attempts < intervals) return;
    for (const [, address] of text.matchAll(/^Final-Recipient: rfc822; (.*)\r\nAction: delayed\r$/gm)) {
      world.people.get(address!)!.warned.push(world.clock.now());
      world.trace?.(`late: ${address}`);
    }
    for (const [, address] of text.matchAll(/^Final-Recipient: rfc822; (.*)\r\nAction: failed\r$/gm)) {
      world.people.get(address!)!.done.push(world.clock.now());
    }
  }
}

const VIA = {
  host: "mx.example",
  ip: "192.0.2.1",
  port: 25,
  mode: "SMTP",
  tls: true,
  authenticated: false,
} as const;

function pause({ clock }: World, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(ms, () => {
      signal.removeEventListener("abort", abort);
      resolve();
    });
    const abort = () => {
      timer.cancel();
      reject(signal.reason);
    };
    signal.addEventListener("abort", abort, { once: true });
  });
}

async function textOf(message: Message): Promise<string> {
  let text = "";
  for await (const chunk of message.open()) text += decoder.decode(chunk);
  return text;
}
