/** Limits looked at when a client connects: connections at a time and in a time, and the recipients it had in earlier ones. */
import type { Session } from "kasi";
import { CountTrouble } from "./limit_counts.ts";
import { type Asked, byHistory, type Check, type Desk } from "./limit_desk.ts";
import { findRate, type FoundRate, hostKeys, parseRate } from "./limit_rates.ts";

interface Present {
  readonly ip: string;
  /** What its coming made it. */
  readonly count: Promise<number>;
}

export class ConnectionLimits {
  readonly #desk: Desk;
  readonly #present = new WeakMap<Session, Present>();
  readonly #arrived = new WeakMap<Session, Promise<boolean | undefined>>();
  constructor(desk: Desk) {
    this.#desk = desk;
  }

  /** Counts it as being there; again when it is said to be another (XCLIENT). Never rejects: {@linkcode checks} tell. */
  async enter(session: Session): Promise<undefined> {
    const { ip } = session.remote;
    const before = this.#present.get(session);
    if (!this.#desk.limits.ini.concurrency.enabled || before?.ip === ip) return;
    const count = this.#desk.counts.enter("concurrency", ip, this.#most(session) || Infinity);
    this.#present.set(session, { ip, count });
    await Promise.allSettled([count, before && this.#left(before)]);
  }

  /** Counts the connection, whatever becomes of it. Never rejects. */
  async arrive(session: Session): Promise<undefined> {
    const over = this.#desk.isOver(
      "rate_conn",
      session,
      this.#rateOf("rate_conn", session),
      (key, seconds) => this.#desk.counts.slide("rate_conn", key, seconds),
    );
    this.#arrived.set(session, over);
    await Promise.allSettled([over, this.enter(session)]);
  }

  async leave(session: Session): Promise<undefined> {
    const here = this.#present.get(session);
    this.#present.delete(session);
    if (here !== undefined) await this.#left(here);
  }

  checks(asked: Asked): readonly Check[] {
    return [
      ["concurrency", () => this.#concurrency(asked)],
      ["rate_conn", () => this.#connections(asked)],
      ["rate_rcpt_host", () => this.#recipientsBefore(asked)],
    ];
  }

  /** Another recipient of this client; it is stopped when it comes again. */
  async countRecipient(session: Session): Promise<undefined> {
    const found = this.#rateOf("rate_rcpt_host", session);
    const count = (key: string, seconds: number) => this.#desk.counts.hit("rate_rcpt_host", key, seconds);
    await this.#desk.isOver("rate_rcpt_host", session, found, count);
  }

  async #concurrency(asked: Asked) {
    const max = this.#most(asked.session);
    const here = this.#present.get(asked.session);
    if (here === undefined || max === 0) return undefined;
    const count = await here.count;
    this.#desk.note(asked.session, { concurrent_count: count, concurrent: `${count}/${max}` });
    if (count <= max) return undefined;
    return await this.#desk.refuse(asked, "concurrency.max", "Too many concurrent connections", { close: true });
  }

  async #connections(asked: Asked) {
    if (!await this.#arrived.get(asked.session)) return undefined;
    return await this.#desk.refuse(asked, "rate_conn", "connection rate limit exceeded", { close: true });
  }

  async #recipientsBefore(asked: Asked) {
    const { session } = asked;
    const found = this.#rateOf("rate_rcpt_host", session);
    const count = (key: string) => this.#desk.counts.peek("rate_rcpt_host", key);
    if (!await this.#desk.isOver("rate_rcpt_host", session, found, count)) return undefined;
    return await this.#desk.refuse(asked, "rate_rcpt_host", "recipient rate limit exceeded", { close: false });
  }

  /** Connections at a time; 0: no limit. */
  #most(session: Session): number {
    const { concurrency, concurrency_history } = this.#desk.limits.ini;
    return byHistory(session, concurrency_history) ?? concurrency.max;
  }

  #rateOf(of: "rate_conn" | "rate_rcpt_host", session: Session): FoundRate | undefined {
    const { by, ini } = this.#desk.limits;
    if (!by[of].enabled) return undefined;
    const { ip, host } = session.remote;
    const history = of === "rate_conn" ? byHistory(session, ini.rate_conn_history) : undefined;
    return findRate(by[of], hostKeys(ip, host), ip, history === undefined ? undefined : parseRate(history));
  }

  /** Takes back what was counted; what was not needs no taking back, and Redis forgets by itself. */
  async #left({ ip, count }: Present): Promise<void> {
    try {
      await count;
      await this.#desk.counts.leave("concurrency", ip);
    } catch (fault) {
      if (!(fault instanceof CountTrouble)) throw fault;
    }
  }
}
