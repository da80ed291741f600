/**
 * One dialogue under way: what the commands work with.
 *
 * Joins the reader, the output, the hooks and the state of one session, and keeps the promises that hold for every command: replies
 * gather and leave in order, a client that goes is noticed even while a hook is busy, a transaction ends by `reset` and no other way.
 * Whatever waits throws {@linkcode Gone} when the peer has left.
 */
import { unreachable } from "../base/exhaustive.ts";
import type { HookEvent, HookName } from "../hooks/points.ts";
import type { RefusingRule } from "../hooks/rules.ts";
import type { HookOutcome, RunOptions } from "../hooks/runner.ts";
import type { Refusal } from "../hooks/verdict.ts";
import type { Bytes } from "../base/bytes.ts";
import type { Verb } from "../wire/command.ts";
import { createReader } from "../wire/reader.ts";
import type { DataEvent, DataReader, Line, WireReader } from "../wire/wire_reader.ts";
import { formatReply, type Reply } from "../wire/reply.ts";
import type { SecureStreams, SessionContext, SessionSettings, SessionStreams } from "./context.ts";
import { IdleWatch } from "./idle.ts";
import { Output } from "./output.ts";
import type { Phase, Step } from "./phase.ts";
import { settle } from "./settle.ts";
import { SessionState } from "./state.ts";

/** The peer has left, or we must: the dialogue ends here. `farewell` is said if anyone may still hear it. */
export class Gone extends Error {
  override readonly name = "Gone";
  readonly farewell: Reply | undefined;
  constructor(message: string, farewell?: Reply) {
    super(message);
    this.farewell = farewell;
  }
}

const NOTHING: HookOutcome<never> = { verdict: undefined, by: undefined };

export class Dialogue {
  readonly context: SessionContext;
  readonly settings: SessionSettings;
  readonly session: SessionState;
  readonly output: Output;
  reader: WireReader;
  phase: Phase = { at: "connected" };
  /** What EHLO listed and so may be used. */
  offered: { readonly auth: ReadonlySet<string>; readonly startTls: boolean } = { auth: new Set(), startTls: false };
  /** Keywords of the lines that EHLO listed: only their parameters may be used. */
  listed: ReadonlySet<string> = new Set();
  /** Whether the session might relay before it authenticated. */
  relayedBefore = false;
  readonly #idle: IdleWatch;
  readonly #runOptions: RunOptions;
  #hooksRunning = 0;
  #watching = false;

  constructor(streams: SessionStreams, context: SessionContext, idleReply: Reply) {
    this.context = context;
    this.settings = context.settings;
    this.session = new SessionState(context);
    this.output = new Output(streams.writable);
    this.reader = createReader(streams.readable);
    this.#runOptions = { log: this.session.log, signal: this.session.signal };
    this.#idle = new IdleWatch(context.clock, context.settings.inactivityTimeoutMs, () => {
      this.stop(new Gone("the peer was idle for too long", idleReply));
    });
  }

  /** Makes every wait end with `gone`, now and later. */
  stop(gone: Gone): void {
    this.reader.cancel(gone);
    // A flush that is stuck never ends by itself; one that is not loses nothing, for nobody reads.
    if (this.#flushing) this.output.abort(gone);
    if (this.#concluding) this.#stopped ??= gone;
    else this.session.end(gone);
  }
  #flushing = false;

  /** The command that is being answered; `connect` before the first. */
  verb: Verb | "connect" = "connect";

  /**
   * A message is whole: from now on the peer's end and the server's stop wait for {@linkcode concluded}. Who takes the message may take it,
   * and the client hears of it; else it would send again what has been kept. Plugins have their own deadlines.
   */
  conclude(): void {
    this.#concluding = true;
  }
  concluded(): void {
    this.#concluding = false;
    if (this.#stopped !== undefined) this.session.end(this.#stopped);
  }
  #concluding = false;
  #stopped: Gone | undefined;

  /** Puts a reply behind those that wait to be written. */
  say(reply: Reply): void {
    const { session, settings } = this;
    let said = reply;
    if (reply.code >= 400) {
      const msg = typeof reply.text === "string" ? reply.text : reply.text.join(" ");
      session.lastRefusal = `${reply.code} ${msg}`;
      const { log } = session.transaction ?? session;
      if (log.enabled("INFO")) log.event("refusal", { to: this.verb, code: reply.code, msg });
      if (settings.denyChars > 0) said = this.#marked(reply);
    }
    // RFC 2034 §2: statuses are for those who said EHLO.
    if (said.enhanced !== undefined && session.hello?.verb !== "EHLO") said = { code: said.code, text: said.text };
    const text = formatReply(said);
    if (session.log.enabled("PROTOCOL")) {
      for (const line of text.split("\r\n")) if (line !== "") session.log.protocol(`S: ${line}`);
    }
    this.output.add(text);
  }

  flush(): Promise<void> {
    if (!this.output.pending) return Promise.resolve();
    this.#idle.waiting();
    this.#flushing = true;
    return this.output.flush().then(this.#flushed, this.#unflushed);
  }
  readonly #flushed = (): void => {
    this.#flushing = false;
    this.#idle.active();
  };
  readonly #unflushed = (error: unknown): never => {
    this.#flushed();
    throw error instanceof Gone ? error : this.#gone("the peer takes nothing any more");
  };

  /** The next line; what was said is written first when it has to be waited for. */
  async line(limit: number): Promise<Line> {
    const ready = this.reader.takeLine(limit);
    if (ready !== undefined) return ready;
    if (this.output.pending) await this.flush();
    this.#idle.waiting();
    try {
      return await this.reader.line(limit);
    } catch (error) {
      throw error instanceof Gone ? error : this.#gone(String(error));
    } finally {
      this.#idle.active();
    }
  }

  /** The next event of message data that has to be waited for. */
  async arrival(event: Promise<DataEvent>): Promise<DataEvent> {
    this.#idle.waiting();
    try {
      return await event;
    } catch (error) {
      throw error instanceof Gone ? error : this.#gone(String(error));
    } finally {
      this.#idle.active();
    }
  }

  /** Hands each chunk to `take` until the data end; says what fault there was. Reads on to the end after a fault of size or disk. */
  async receive(data: DataReader, take: (chunk: Bytes) => void | Promise<void>): Promise<DataFault | undefined> {
    let fault: DataFault | undefined;
    for (;;) {
      const next = data.next();
      const event = next instanceof Promise ? await this.arrival(next) : next;
      switch (event.kind) {
        case "chunk":
          if (fault !== undefined) break;
          try {
            const stored = take(event.bytes);
            if (stored !== undefined) await stored;
          } catch (error) {
            fault = { kind: "disk", error };
          }
          break;
        case "fault":
          fault ??= { kind: event.fault };
          // Its real end may never come: a sender of bare line ends has said what it takes for one.
          if (event.fault !== "too-big") return fault;
          break;
        case "done":
          return fault;
        case "end":
          throw this.#gone("the peer left within a message");
        default:
          unreachable(event);
      }
    }
  }

  /**
   * Runs a hook. Costs nothing where no plugin listens. While one is busy, early talk and a client that leaves are noticed; then it throws
   * `Gone`, and the transaction stays whole for whoever still holds it.
   */
  ask<N extends HookName>(name: N, event: Omit<HookEvent<N>, "signal">): HookOutcome<N> | Promise<HookOutcome<N>> {
    if (!this.context.hooks.has(name)) return NOTHING;
    const { signal } = this.session;
    if (signal.aborted) throw signal.reason;
    const options = this.session.transaction?.runOptions ?? this.#runOptions;
    const outcome = this.context.hooks.run(name, event, options);
    return outcome instanceof Promise ? this.attend(outcome) : outcome;
  }

  /** Waits for work done elsewhere, with an eye on the peer. */
  async attend<T>(outcome: Promise<T>): Promise<T> {
    this.#hooksRunning++;
    try {
      this.#watch();
      const result = await outcome;
      const { signal } = this.session;
      if (signal.aborted) throw signal.reason;
      return result;
    } finally {
      this.#hooksRunning--;
    }
  }

  #watch(): void {
    if (this.#watching || this.#concluding || this.reader.buffered > 0) return;
    this.#watching = true;
    this.reader.watch().then((seen) => {
      this.#watching = false;
      if (this.#hooksRunning === 0 || this.#concluding) return;
      if (seen === "end") this.session.end(this.#gone("the peer left while a hook was busy"));
      else if (!this.session.esmtp) this.session.earlyTalker = true;
    });
  }

  /** Runs a hook that is told of an end: nothing stops it, whatever became of the client. A promise only where it has to be waited for. */
  tell<N extends HookName>(name: N, event: Omit<HookEvent<N>, "signal">): void | Promise<void> {
    if (!this.context.hooks.has(name)) return;
    const ran = this.context.hooks.run(name, event, { log: this.session.log });
    if (ran instanceof Promise) return ran.then(() => {});
  }

  /** A refusal's reply and what follows from it. The one place where hooks change the phase. */
  async refuse(
    rule: RefusingRule,
    refusal: Refusal,
    subject: string,
    mark = "",
    before?: (reply: Reply) => void,
  ): Promise<Step> {
    const { reply, close, then } = settle(rule, refusal, subject, (this.session.transaction ?? this.session).id, mark);
    before?.(reply);
    if (then === "reset") await this.reset();
    if (then === "forget-hello") this.session.hello = undefined;
    if (close) return { reply, next: { at: "closed" } };
    switch (then) {
      case "refuse-session":
        return { reply, next: { at: "refused", reply } };
      case "forget-hello":
        return { reply, next: { at: "greeted" } };
      default:
        return { reply, next: this.rest() };
    }
  }

  /** The phase that the state amounts to. */
  rest(): Phase {
    const { transaction, hello } = this.session;
    if (transaction !== undefined) return { at: transaction.recipients.length > 0 ? "rcpt" : "mail", transaction };
    return hello === undefined ? { at: "greeted" } : { at: "ready" };
  }

  /** Ends the transaction, if there is one. A promise only where a plugin has to be waited for. */
  reset(): void | Promise<void> {
    const { session } = this;
    const transaction = session.transaction;
    if (transaction === undefined) return;
    const forget = () => {
      session.transaction = undefined;
      transaction.discard?.();
    };
    const told = this.tell("reset_transaction", { session, transaction });
    return told === undefined ? forget() : told.then(forget);
  }

  /** After a handshake: new streams, everything the plain text said forgotten (RFC 3207 §4.2). */
  secured({ readable, writable, tls }: SecureStreams): void {
    const { session } = this;
    this.reader = createReader(readable);
    this.output.replace(writable);
    session.tls = tls;
    session.hello = undefined;
    session.esmtp = false;
    this.offered = { auth: new Set(), startTls: false };
  }

  /** The peer has ended its direction. */
  left(): Gone {
    return this.#gone("the peer has left");
  }

  /** No more timers. */
  rested(): void {
    this.#idle.stop();
  }

  #gone(why: string): Gone {
    this.session.remote.closed = true;
    const gone = new Gone(why);
    this.session.end(gone);
    return gone;
  }

  /** Haraka's `[UUIDPART@host] ` in front of each line of a refusal. */
  #marked(reply: Reply): Reply {
    const id = (this.session.transaction ?? this.session).id;
    const head = `[${id.slice(0, this.settings.denyChars)}@${this.settings.me.split(".")[0]}] `;
    const { text } = reply;
    const lines = typeof text === "string" ? text.split("\n") : text;
    return { ...reply, text: lines.map((line) => head + line) };
  }
}

export type DataFault =
  | { readonly kind: "bare-cr" | "bare-lf" | "smuggling" | "too-big" }
  /** The body could not be kept. */
  | { readonly kind: "disk"; readonly error: unknown };
