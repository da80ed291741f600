/** The numbers that `process_title` shows: totals, and rates of the last second, on average and at most. */
import type { ThreadNumbers } from "kasi";

export interface Counts {
  readonly connections: number;
  readonly disconnections: number;
  readonly recipients: number;
  readonly messages: number;
}
export const NONE: Counts = { connections: 0, disconnections: 0, recipients: 0, messages: 0 };

const RATES = { cps: "connections", rps: "recipients", mps: "messages" } as const;
type RateName = keyof typeof RATES;

export class Board {
  readonly #startedAt: number;
  #total: Counts = NONE;
  /** Since the last second. */
  #fresh: Counts = NONE;
  readonly #last: { [R in RateName]: number } = { cps: 0, rps: 0, mps: 0 };
  readonly #most: { [R in RateName]: number } = { cps: 0, rps: 0, mps: 0 };
  #now: number;
  #queue = "0/0/0";
  /** Workers that died. */
  childExits = 0;

  /** Monotonic milliseconds. */
  constructor(startedAt: number) {
    this.#startedAt = startedAt;
    this.#now = startedAt;
  }

  add(counts: Counts): void {
    this.#total = sum(this.#total, counts);
    this.#fresh = sum(this.#fresh, counts);
  }

  /** A second is over, or what took its place while the process was busy. */
  second(now: number): void {
    const seconds = Math.max((now - this.#now) / 1000, 0.001);
    this.#now = now;
    for (const [rate, of] of Object.entries(RATES) as [RateName, keyof Counts][]) {
      this.#last[rate] = this.#fresh[of] / seconds;
      this.#most[rate] = Math.max(this.#most[rate], this.#last[rate]);
    }
    this.#fresh = NONE;
  }

  queues(threads: readonly ThreadNumbers[]): void {
    const all = threads.map(({ queue }) => queue);
    const total = (of: "inProgress" | "queued" | "tempFail") => all.reduce((sum, queue) => sum + queue[of], 0);
    this.#queue = `${total("inProgress")}/${total("queued")}/${total("tempFail")}`;
  }

  notes(): { readonly [name: string]: number | string } {
    const { connections, disconnections, recipients, messages } = this.#total;
    return {
      pt_connections: connections,
      pt_concurrent: connections - disconnections,
      pt_recipients: recipients,
      pt_messages: messages,
      pt_cps_max: round(this.#most.cps),
      pt_rps_max: round(this.#most.rps),
      pt_mps_max: round(this.#most.mps),
      pt_child_exits: this.childExits,
      pt_out_stats: this.#queue,
    };
  }

  title(): string {
    const { connections, disconnections, recipients, messages } = this.#total;
    return [
      "Kasi",
      `cn=${connections}`,
      `cc=${connections - disconnections}`,
      `cps=${this.#rate("cps")}`,
      `rcpts=${recipients}/${ratio(recipients, messages)}`,
      `rps=${this.#rate("rps")}`,
      `msgs=${messages}/${ratio(messages, connections)}`,
      `mps=${this.#rate("mps")}`,
      `out=${this.#queue}`,
      ...(this.childExits > 0 ? [`respawn=${this.childExits}`] : []),
    ].join(" ");
  }

  #rate(rate: RateName): string {
    const seconds = (this.#now - this.#startedAt) / 1000;
    const average = seconds > 0 ? this.#total[RATES[rate]] / seconds : 0;
    return [this.#last[rate], average, this.#most[rate]].map(round).join("/");
  }
}

function sum(a: Counts, b: Counts): Counts {
  return {
    connections: a.connections + b.connections,
    disconnections: a.disconnections + b.disconnections,
    recipients: a.recipients + b.recipients,
    messages: a.messages + b.messages,
  };
}

function ratio(of: number, to: number): number {
  return to === 0 ? 0 : round(of / to);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
