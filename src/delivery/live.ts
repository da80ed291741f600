/**
 * A message handed on while its client is still at it: a connection of its own, led command by command.
 *
 * Each step gives what the hop said; what a finding means, `meaning.ts` decides here too. What broke stays broken: the connection is closed, and every
 * later step says so. Between steps the client may take its time, and the hop may lose its patience: that is found at the next step.
 */
import type { Handed, LiveHop, LiveStart, Reason, Said } from "../hooks/outbound.ts";
import type { Recipient } from "../hooks/session.ts";
import type { Message } from "../mail/message.ts";
import { connect, type ConnectContext, keyOf, type Wanted } from "./connect.ts";
import { contentChunks } from "./content.ts";
import { Conversation } from "./conversation.ts";
import { commandsFor } from "./envelope.ts";
import { onward } from "./extensions.ts";
import { type Fact, PeerFault } from "./finding.ts";
import { exhausted, type Meaning, meaningOf } from "./meaning.ts";
import type { Pool } from "./pool.ts";
import { reasonOf } from "./safe_text.ts";
import { type Stage, STAGES } from "./stages.ts";
import type { Target } from "./target.ts";
import { inTermsOf, type TlsDoor } from "./tls_policy.ts";
import { tlsResultOf } from "./tls_result.ts";

export interface LiveContext extends ConnectContext {
  readonly pool: Pool;
  readonly tls: TlsDoor;
}
type NotTaken = Exclude<Said, { kind: "taken" }>;

/** Opens a connection to the first target that is there, and says MAIL. Rejects on abort only. */
export async function beginLive(
  start: LiveStart,
  targets: readonly Target[],
  context: LiveContext,
): Promise<(Extract<Said, { kind: "taken" }> & { readonly hop: LiveHop }) | NotTaken> {
  const seen: Meaning[] = [];
  // Those that were away a moment ago are asked when nobody else is left.
  const away: Wanted[] = [];
  const waiting: Wanted[] = [];
  for (const target of targets) {
    const wanted = await wantedFor(target, start, context);
    if ("finding" in wanted) seen.push(meaningOf(wanted, "smtp", target.name));
    else (context.pool.unreachable(keyOf(wanted)) === undefined ? waiting : away).push(wanted);
  }
  for (const wanted of [...waiting, ...away]) {
    const opened = await open(wanted, context);
    if (opened instanceof Conversation) {
      const hop = new Hop(opened, start, context);
      const said = await hop.mail(start.size, context.signal);
      if (said.kind === "taken") return { ...said, hop };
      hop.close();
      return said;
    }
    const { name } = wanted.target;
    const meaning = meaningOf(inTermsOf(start.envelope, opened, name), "smtp", name);
    seen.push(meaning);
    if (meaning.verdict !== "delivered") context.log.notice(`${wanted.target.name}: ${meaning.reason.text}`);
  }
  return { kind: "broken", reason: exhausted(seen).reason };
}

async function wantedFor(target: Target, { envelope }: LiveStart, context: LiveContext): Promise<Wanted | Fact> {
  const { settings, tls } = context;
  const { destination } = target;
  const answer = await tls.ask({ target, domain: "", envelope: { ...envelope, notes: {} }, settings });
  if ("refused" in answer) return inTermsOf(envelope, { stage: "starttls", finding: answer.refused }, target.name);
  return { target, tls: answer.tls, helo: destination.bindHelo ?? settings.helo, bind: destination.bind };
}

async function open(wanted: Wanted, context: LiveContext): Promise<Conversation | Fact> {
  const { pool, tls, settings, log } = context;
  const opened = await connect(wanted, context);
  if (opened instanceof Conversation) return opened;
  if ((opened.stage === "tls" || opened.stage === "starttls") && wanted.tls === "opportunistic") {
    log.notice(`TLS with ${wanted.target.name} is broken, going on without`, { tls: tlsResultOf(opened) });
    const plain = await connect({ ...wanted, tls: "none" }, context);
    if (plain instanceof Conversation) tls.markBroken(wanted.target, settings);
    return plain;
  }
  pool.remember(keyOf(wanted), opened);
  return opened;
}

class Hop implements LiveHop {
  readonly #conversation: Conversation;
  readonly #start: LiveStart;
  readonly #context: LiveContext;
  /** What ended it. */
  #broken: Reason | undefined;
  /** The hop waits for content: leaving means breaking off. */
  #inContent = false;
  #left = false;

  constructor(conversation: Conversation, start: LiveStart, context: LiveContext) {
    this.#conversation = conversation;
    this.#start = start;
    this.#context = context;
  }

  get open(): boolean {
    return !this.#left && this.#broken === undefined && !this.#conversation.peer.closed;
  }

  async mail(size: number | undefined, signal: AbortSignal): Promise<Said> {
    const { wanted } = this.#start.envelope;
    // RFC 3030 §3: binary content goes by BDAT alone, which has no steps.
    if (wanted?.body === "BINARYMIME") {
      return this.#unsaid({ stage: "mail", finding: { kind: "unmet", what: "binary" } });
    }
    const commands = this.#commands([], size);
    return "finding" in commands ? this.#unsaid(commands) : await this.#step("mail", commands.mail, signal);
  }

  async rcpt(recipient: Recipient, signal: AbortSignal): Promise<Said> {
    const { sender, smtpUtf8 } = this.#start.envelope;
    if (recipient.address.isUtf8 && !smtpUtf8 && !sender.isUtf8) {
      return this.#unsaid({ stage: "rcpt", finding: { kind: "needs-utf8" } });
    }
    const commands = this.#commands([recipient], undefined);
    if ("finding" in commands) return this.#unsaid(commands);
    const [command] = commands.rcpt;
    return typeof command === "string" ? await this.#step("rcpt", command, signal) : this.#unsaid(command!);
  }

  async data(signal: AbortSignal): Promise<Said> {
    const said = await this.#step("data", "DATA\r\n", signal);
    this.#inContent = said.kind === "taken";
    return said;
  }

  async content(message: Message, signal: AbortSignal): Promise<Handed | NotTaken> {
    const { peer, via, offered } = this.#conversation;
    if (!this.#inContent) return { kind: "broken", reason: this.#broken ?? GONE };
    const rendered = message.render();
    const said = await this.#heeding(signal, async () => {
      const chunks = contentChunks(rendered);
      try {
        for (;;) {
          let next: IteratorResult<Uint8Array, Uint8Array>;
          try {
            next = await chunks.next();
          } catch (error) {
            return this.#breakOff({ stage: "body", finding: { kind: "unreadable", detail: reasonOf(error) } });
          }
          peer.allow(this.#conversation.timeout("body"));
          await peer.flush(next.value);
          if (next.done) break;
        }
      } finally {
        await chunks.return(new Uint8Array(0));
      }
      this.#inContent = false;
      return await this.#reply("dot");
    }, "body");
    if (said.kind !== "taken") return said;
    return { ...said, via, onward: onward(via.mode, offered.keywords, this.#start.envelope.wanted) };
  }

  close(): void {
    if (this.#left) return;
    this.#left = true;
    if (this.#inContent) this.#conversation.peer.close(); // so that the hop takes nothing for whole
    else this.#context.pool.part(this.#conversation);
  }

  #commands(recipients: readonly Recipient[], size: number | undefined) {
    const { envelope } = this.#start;
    const eightBit = envelope.wanted?.body === "8BITMIME";
    const whole = { ...envelope, id: "", recipients, notes: {} };
    const { offered } = this.#conversation;
    return commandsFor(whole, recipients, { size, eightBit }, offered, this.#context.machine.clock.now());
  }

  #step(stage: Stage, command: string, signal: AbortSignal): Promise<Said> {
    return this.#heeding(signal, async () => {
      const { peer } = this.#conversation;
      if (peer.ahead) throw peer.broken("the peer spoke unasked");
      peer.send(command);
      return await this.#reply(stage);
    }, stage);
  }

  /** Does `work` while `signal` allows; a fault ends the connection. */
  async #heeding(signal: AbortSignal, work: () => Promise<Said>, stage: Stage): Promise<Said> {
    const { peer } = this.#conversation;
    if (!this.open) return { kind: "broken", reason: this.#broken ?? GONE };
    const onAbort = () => peer.fail({ kind: "lost", detail: "aborted" });
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof PeerFault)) {
        peer.close();
        throw error;
      }
      return this.#breakOff({ stage, finding: error.finding });
    } finally {
      signal.removeEventListener("abort", onAbort);
      // The client may take its time now.
      peer.allow(Infinity);
    }
  }

  async #reply(stage: Stage): Promise<Said> {
    const { peer, via } = this.#conversation;
    peer.allow(this.#conversation.timeout(stage));
    const code = await peer.next();
    const reply = peer.reply();
    if (Math.trunc(code / 100) === STAGES[stage].wants) return { kind: "taken", reply };
    const fact: Fact = { stage, finding: { kind: "reply", reply } };
    // A good reply of the wrong kind: we no longer speak of the same command.
    if (code < 400) return this.#breakOff(fact);
    if (code === 421) peer.close(); // RFC 5321 §3.8
    return refused(meaningOf(fact, "smtp", via.host));
  }

  #breakOff(fact: Fact): NotTaken {
    const { peer, via } = this.#conversation;
    peer.close();
    const meaning = meaningOf(fact, "smtp", via.host);
    this.#broken = meaning.verdict === "delivered" ? GONE : meaning.reason;
    return { kind: "broken", reason: this.#broken };
  }

  #unsaid(fact: Fact): NotTaken {
    return refused(meaningOf(fact, "smtp", this.#conversation.via.host));
  }
}

const GONE: Reason = { text: "the connection is gone", status: "4.4.2" };

function refused(meaning: Meaning): NotTaken {
  if (meaning.verdict === "delivered") return { kind: "broken", reason: GONE };
  return { kind: "refused", verdict: meaning.verdict, reason: meaning.reason };
}
