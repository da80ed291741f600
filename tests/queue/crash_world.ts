/**
 * What a world of crashes knows beside the queue: who was promised what and when, who got it, what the operator asked for. From it come the
 * laws, which hold after each start and at the end:
 *
 * - what was acknowledged is delivered, reported to its sender, or still queued, with the attempts it has had;
 * - a sender is told once of each recipient whose mail is late;
 * - nothing is done twice but what was done so shortly before a crash that no record of it need be on disk;
 * - what was removed or given up stays so, what was held stays held, once that was acknowledged;
 * - what arrives is what was sent; a record never lacks its body; recovery never gives up.
 */
import type { Item } from "../../src/hooks/outbound.ts";
import type { ListedItem } from "../../src/queue/types.ts";
import { FakeClock } from "../kit/fake_clock.ts";
import { seeded } from "../kit/crash_disk.ts";

/** How long a note waits for company, and how long after a fault it is written again (`journal.ts`). */
const NOTE_WAIT_MS = 20;
const RETRY_WAIT_MS = 1000;

/** The world did what it must not. */
export class BrokenLaw extends Error {
  override readonly name = "BrokenLaw";
}

/** A message that a client submitted. */
export interface Mail {
  readonly id: string;
  /** The end of its text. */
  readonly body: string;
  readonly people: readonly Person[];
  /** Under which it was submitted. */
  readonly key: string | undefined;
  /** The client was told that it is safe. */
  acknowledged: boolean;
}

/** One recipient, whose address is used once only. */
export interface Person {
  readonly address: string;
  readonly mail: Mail;
  /** It was refused for good at least once: a report to the sender may be on its way in its stead. */
  refused: boolean;
  /** The operator wanted it gone. */
  removed: boolean;
  /** When it was delivered, or its failure told to the sender. */
  readonly done: number[];
  /** When the sender was told that it is late. */
  readonly warned: number[];
}

interface ItemFate {
  /** Failed attempts, and since when. */
  history: { readonly at: number; readonly attempts: number }[];
  /** `maybe`: asked for, and nobody was told that it is so. */
  hold: "no" | "maybe" | "yes";
  removed: "no" | "maybe" | "yes";
  /** When the last of these was acknowledged. */
  since: number;
}

export class World {
  readonly random: () => number;
  clock: FakeClock;
  readonly mails = new Map<string, Mail>();
  readonly people = new Map<string, Person>();
  readonly #items = new Map<string, ItemFate>();
  readonly #taken = new Set<string>();
  readonly #crashes: number[] = [];
  readonly #faults: number[] = [];
  /** Laws looked at. */
  laws = 0;
  /** Recipients that senders were told are late; counted at the end. */
  late = 0;
  #ids = 0;

  /** Hears what happens, line by line, when somebody wants to know. */
  readonly trace: ((line: string) => void) | undefined;

  constructor(seed: number, trace?: (line: string) => void) {
    this.random = seeded(seed);
    this.trace = trace;
    this.clock = new FakeClock(undefined, turn);
  }

  get crashes(): number {
    return this.#crashes.length;
  }

  chance(of: number): boolean {
    return this.random() < of;
  }

  upTo(most: number): number {
    return Math.floor(this.random() * most);
  }

  newId(): string {
    return `I${++this.#ids}`;
  }

  crashed(): void {
    this.#crashes.push(this.clock.now());
  }

  faulted(): void {
    this.#faults.push(this.clock.now());
  }

  /** Time goes on in another process. */
  nextLife(): void {
    this.clock = new FakeClock(this.clock.now() + this.upTo(1000), turn);
  }

  submit(id: string, body: string, addresses: readonly string[], key?: string): Mail {
    const people: Person[] = [];
    const mail: Mail = { id, body, people, key, acknowledged: false };
    for (const address of addresses) {
      const person = { address, mail, refused: false, removed: false, done: [], warned: [] };
      people.push(person);
      this.people.set(address, person);
    }
    this.mails.set(id, mail);
    this.trace?.(`submitted ${id}, ${body.length} octets, to ${addresses}`);
    return mail;
  }

  acknowledge(mail: Mail): void {
    mail.acknowledged = true;
    if (mail.key !== undefined) this.#taken.add(mail.key);
    this.trace?.(`acknowledged ${mail.id}`);
  }

  /** Whether a mail under this key was acknowledged. */
  isTaken(key: string): boolean {
    return this.#taken.has(key);
  }

  /** The queue says that it took this mail before, in the place of a new one: it answers for that from now on. */
  repeated({ id, key, people }: Mail, first: string): void {
    const mail = this.mails.get(first);
    this.law(mail?.key === key, () => `${id} is said to be ${first} again, which has another key`);
    this.acknowledge(mail!);
    this.mails.delete(id);
    for (const { address } of people) this.people.delete(address);
  }

  item(id: string): ItemFate {
    let fate = this.#items.get(id);
    if (fate === undefined) {
      fate = { history: [{ at: 0, attempts: 0 }], hold: "no", removed: "no", since: 0 };
      this.#items.set(id, fate);
    }
    return fate;
  }

  law(holds: boolean, broken: () => string): void {
    this.laws++;
    if (!holds) throw new BrokenLaw(broken());
  }

  /** An attempt begins. */
  attempted({ id, attempts }: Item): void {
    const fate = this.item(id);
    const now = this.clock.now();
    this.trace?.(`attempt at ${id} at ${now}`);
    // What was asked for in this very moment may find the attempt under way.
    if (now > fate.since) {
      this.law(fate.removed !== "yes", () => `${id} is delivered after it was removed`);
      this.law(fate.hold !== "yes", () => `${id} is delivered while it is held`);
    }
    const { attempts: known } = fate.history.at(-1)!;
    this.law(attempts === known, () => `${id} is said to have failed ${attempts} times; it did ${known} times`);
  }

  /** An attempt failed for some. */
  failed({ id, attempts }: Item): void {
    this.item(id).history.push({ at: this.clock.now(), attempts: attempts + 1 });
  }

  /** After each start: what all shards together hold. */
  inspect(listed: readonly ListedItem[]): void {
    const there = new Set<string>();
    this.trace?.(`recovered at ${this.clock.now()}`);
    for (const item of listed) this.trace?.(`  ${item.id} ${item.state} ${item.attempts} ${item.recipients}`);
    for (const { id, recipients, attempts, state } of listed) {
      const fate = this.item(id);
      this.law(fate.removed !== "yes", () => `${id} was removed and is back`);
      this.law(
        fate.hold === "maybe" || (state === "held") === (fate.hold === "yes"),
        () => `${id} is ${state}, though asked: ${fate.hold}`,
      );
      fate.hold = state === "held" ? "yes" : "no";
      this.law(this.#recalled(fate, attempts), () => `${id} has ${attempts} failed attempts; ${told(fate.history)}`);
      fate.history = [{ at: this.clock.now(), attempts }];
      for (const address of recipients) {
        if (!this.people.has(address)) continue;
        this.law(!there.has(address), () => `${address} is queued twice`);
        there.add(address);
        const done = this.people.get(address)?.done.at(-1);
        this.law(
          done === undefined || this.#unrecorded(done),
          () => `${address} is queued again; it was done with at ${done}, and no crash hid that: ${this.#crashes}`,
        );
      }
    }
    for (const mail of this.mails.values()) {
      if (!mail.acknowledged) continue;
      for (const { address, done, refused, removed } of mail.people) {
        if (done.length > 0 || refused || removed) continue;
        this.law(there.has(address), () => `${address} was acknowledged and is lost`);
      }
    }
  }

  /** At the end, when all queues are empty. */
  conclude(): void {
    for (const { address, mail, done, warned, removed } of this.people.values()) {
      if (mail.acknowledged && !removed) {
        this.law(done.length > 0, () => `${address} was acknowledged and is neither delivered nor reported`);
      }
      // The last doing is the one that counts; each one before needs a crash right behind it.
      for (const at of done.slice(0, -1)) {
        this.law(
          this.#unrecorded(at),
          () => `${address} was done with at ${done}; no crash hid that: ${this.#crashes}`,
        );
      }
      for (const at of warned.slice(0, -1)) {
        this.law(
          this.#unrecorded(at),
          () => `${address} is late, it was said at ${warned}; no crash hid that: ${this.#crashes}`,
        );
      }
      this.late += warned.length;
    }
  }

  /** Whether so many failed attempts can be what the disk remembered: none that must be on it is forgotten. */
  #recalled({ history }: ItemFate, attempts: number): boolean {
    for (const one of history.toReversed()) {
      if (one.attempts === attempts) return true;
      if (!this.#unrecorded(one.at)) return false;
    }
    return false;
  }

  /** Whether a crash fell between this moment and that at which a record of it must be on disk. */
  #unrecorded(at: number): boolean {
    let by = at + NOTE_WAIT_MS;
    for (const fault of this.#faults) {
      const again = fault + RETRY_WAIT_MS;
      if (again >= at && fault <= by) by = Math.max(by, again + NOTE_WAIT_MS);
    }
    return this.#crashes.some((crash) => crash >= at && crash <= by);
  }
}

function told(history: ItemFate["history"]): string {
  return history.map(({ at, attempts }) => `${attempts} since ${at}`).join(", ");
}

/** One turn of the event loop: all that waits for promises alone has run. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
