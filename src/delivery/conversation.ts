/**
 * One conversation with one host: messages sent over an open connection, one after the other.
 *
 * `transact()` gives facts and never decides what they mean. After it, `usable` says whether another message may follow. It rejects
 * only for bugs; what breaks is a fact.
 */
import type { Via } from "../hooks/outbound.ts";
import type { PeerCapabilities } from "../wire/capabilities.ts";
import { BY_DATA, contentChunks, type Plan, planFor, rawChunks, reuse, wholeContent } from "./content.ts";
import type { Commands } from "./envelope.ts";
import { type Fact, type Finding, PeerFault } from "./finding.ts";
import type { Peer } from "./peer.ts";
import type { Rendered } from "../mail/message.ts";
import { reasonOf } from "./safe_text.ts";
import { allowance, type Stage, STAGES, type Timeouts } from "./stages.ts";

export interface Transaction {
  /** By recipient: what was found of it alone; undefined: as `whole` says. */
  readonly own: readonly (Fact | undefined)[];
  readonly whole: Fact | undefined;
}

export interface ConversationOptions {
  readonly timeouts?: Timeouts;
  /** What each stage gets at most. */
  readonly mostMs?: number | undefined;
  /** For one message alone, as the host knows for whom we speak. */
  readonly once?: boolean;
}

const DATA = "DATA\r\n";

/** Where a transaction stands, so that a fault in the middle is found at the right place. */
interface Step {
  stage: Stage;
  /** MAIL was refused; the rest of the group's replies only have to be read. */
  refused: Fact | undefined;
}

export class Conversation {
  readonly peer: Peer;
  readonly offered: PeerCapabilities;
  readonly via: Via;
  /** It refused STARTTLS, and may be about to leave for having been asked. */
  tlsRefused = false;
  /** Messages carried so far, whatever became of them. */
  messages = 0;
  readonly #lmtp: boolean;
  readonly #pipelining: boolean;
  readonly #chunking: boolean;
  readonly #timeouts: Timeouts;
  readonly #mostMs: number | undefined;
  readonly #once: boolean;
  #usable = true;
  /** The peer still holds a transaction that came to nothing. */
  #needsReset = false;
  /** The reply to the dot was read already, while the body went out. */
  #waiting = false;
  /** Replies read since this message began. */
  #heard = 0;

  constructor(
    peer: Peer,
    offered: PeerCapabilities,
    via: Via,
    { timeouts, mostMs, once = false }: ConversationOptions = {},
  ) {
    this.peer = peer;
    this.offered = offered;
    this.via = via;
    this.#lmtp = via.mode === "LMTP";
    this.#pipelining = offered.keywords.has("PIPELINING");
    this.#chunking = offered.keywords.has("CHUNKING");
    this.#timeouts = timeouts;
    this.#mostMs = mostMs;
    this.#once = once;
  }

  /** Whether another message may be sent: what the peer says next must be the answer to what we say next. */
  get usable(): boolean {
    return this.#usable && !this.#once && !this.peer.closed && !this.peer.cut && !this.peer.ahead;
  }

  /** Whether the peer has said anything about the present message: if not, an old connection had simply died. */
  get heard(): boolean {
    return this.#heard > 0;
  }

  /** `binary`: the octets must arrive as they are (RFC 3030 §3); ask only a peer that offers BINARYMIME. */
  async transact(commands: Commands, rendered: Rendered, binary = false): Promise<Transaction> {
    this.messages++;
    this.#heard = 0;
    const own = commands.rcpt.map((command) => (typeof command === "string" ? undefined : command));
    const plan = this.#chunking ? planFor(rendered, binary, this.#lmtp) : BY_DATA;
    const step: Step = { stage: "mail", refused: undefined };
    try {
      if (this.peer.ahead) throw this.peer.broken("the peer spoke unasked");
      const whole = await this.#envelope(commands, own, step, plan) ??
        (plan.by === "chunk" ? await this.#ended() : await this.#content(rendered, own, step, plan));
      return { own, whole };
    } catch (error) {
      this.#usable = false;
      if (!(error instanceof PeerFault)) {
        this.peer.close();
        throw error;
      }
      return { own, whole: step.refused ?? { stage: step.stage, finding: error.finding } };
    }
  }

  /** Takes leave; resolves when the connection is closed. */
  async quit(): Promise<void> {
    const { peer } = this;
    this.#usable = false;
    if (peer.closed) return;
    try {
      peer.onIdle = undefined;
      peer.allow(this.timeout("quit"));
      peer.send("QUIT\r\n");
      await peer.next();
    } catch (error) {
      if (!(error instanceof PeerFault)) throw error;
    } finally {
      peer.close();
    }
  }

  /** MAIL, every RCPT, DATA: a fact when it does not come to content. Fills `own` with the recipients refused. */
  async #envelope(
    commands: Commands,
    own: (Fact | undefined)[],
    step: Step,
    plan: Plan,
  ): Promise<Fact | undefined> {
    const { peer } = this;
    const open = own.reduce((count, fact) => count + (fact === undefined ? 1 : 0), 0);
    if (open === 0) return { stage: "rcpt", finding: { kind: "unwritable" } };
    if (this.#pipelining) this.#sendGroup(commands, plan);
    // With the content on its way, whatever breaks from now on may break behind the peer's taking it.
    const sent = plan.by === "chunk" && this.#pipelining;
    if (sent) step.stage = "dot";
    if (this.#needsReset) {
      if (!this.#pipelining) peer.send("RSET\r\n");
      const code = await this.#reply("rset");
      this.#heard = 0; // that was about the message before
      if (kindOf(code) !== 2) throw peer.broken("RSET was refused");
      this.#needsReset = false;
    }
    if (!this.#pipelining) peer.send(commands.mail);
    if (kindOf(this.#atHand("mail") || await this.#reply("mail")) !== 2) {
      const refused = step.refused = this.#fact("mail", sent);
      if (!this.#pipelining || codeOf(refused) === 421) return this.#ends(refused);
    }

    let accepted = 0;
    if (!sent) step.stage = "rcpt";
    for (let i = 0; i < own.length; i++) {
      if (own[i] !== undefined) continue;
      if (!this.#pipelining) peer.send(commands.rcpt[i] as string);
      if (kindOf(this.#atHand("rcpt") || await this.#reply("rcpt")) === 2) accepted++;
      else {
        const fact = this.#fact("rcpt", sent);
        if (step.refused === undefined) own[i] = fact;
        if (!this.#usable) return this.#ends(step.refused ?? fact);
      }
    }
    if (plan.by !== "data") {
      if (sent) {
        if (accepted > 0 && step.refused === undefined) return undefined;
        // RFC 3030 §2: a BDAT for nobody is refused, once its octets have been read.
        await this.#reply("dot");
      }
      if (accepted === 0 || step.refused !== undefined) return this.#ends(step.refused ?? NOBODY);
      if (plan.by === "chunk") step.stage = "dot";
      return this.#sendChunk(plan);
    }
    if (!this.#pipelining) {
      if (accepted === 0) return this.#ends(NOBODY);
      peer.send(DATA);
    }
    step.stage = "data";
    const code = this.#atHand("data") || await this.#reply("data");
    if (kindOf(code) === STAGES.data.wants) {
      if (step.refused === undefined && accepted > 0) return undefined;
      await this.#emptyMessage(accepted);
      return this.#ends(step.refused ?? NOBODY);
    }
    return this.#ends(step.refused ?? (accepted === 0 ? NOBODY : this.#fact("data")));
  }

  /** BDAT behind an envelope that the peer has taken; a long one's octets are the content's to send. */
  #sendChunk(plan: Exclude<Plan, { by: "data" }>): undefined {
    this.peer.send(`BDAT ${plan.by === "chunk" ? plan.bytes.length : plan.size} LAST\r\n`);
    if (plan.by === "chunk") this.peer.write(plan.bytes);
  }

  /** The reply to a chunk that was all of the message. */
  async #ended(): Promise<Fact> {
    const code = await this.#reply("dot");
    const fact = this.#fact("dot");
    return kindOf(code) === 2 ? fact : this.#ends(fact);
  }

  /** RFC 2920 §3.1: DATA went through though nobody is to get it. An empty message ends it; its reply means nothing. */
  async #emptyMessage(accepted: number): Promise<void> {
    // RFC 2033 §4.2: no recipient, no reply: nothing would tell that it is over. With a recipient, somebody would get it.
    if (this.#lmtp || accepted > 0) return this.peer.close();
    this.peer.send(".\r\n");
    await this.#reply("dot");
  }

  /** The body and its end; LMTP answers once for each accepted recipient (RFC 2033 §4.2). */
  async #content(
    rendered: Rendered,
    own: (Fact | undefined)[],
    step: Step,
    plan: Plan,
  ): Promise<Fact | undefined> {
    const { peer } = this;
    if (peer.ahead) {
      return this.#abort("data", { kind: "garbage", text: "an answer to what was not yet said" });
    }
    const whole = plan.by === "data" ? wholeContent(rendered) : undefined;
    if (whole === undefined) {
      const chunks = plan.by === "data" ? contentChunks(rendered) : rawChunks(rendered);
      const fact = await this.#stream(chunks, step);
      if (fact !== undefined) return fact;
    } else {
      peer.write(whole);
    }
    step.stage = "dot";
    if (!this.#lmtp) {
      await this.#reply("dot");
      if (whole !== undefined && peer.sent) reuse(whole);
      return this.#fact("dot");
    }
    for (let i = 0; i < own.length; i++) {
      if (own[i] !== undefined) continue;
      await this.#reply("dot");
      own[i] = this.#fact("dot");
    }
    return undefined;
  }

  /** A body too large for one write. A reply that comes before its end stops it. */
  async #stream(chunks: AsyncGenerator<Uint8Array, Uint8Array>, step: Step): Promise<Fact | undefined> {
    const { peer } = this;
    step.stage = "body";
    peer.allow(this.timeout("body"));
    let early: { readonly error?: unknown } | undefined;
    // Starts before the first chunk, so that a 421 or 552 in the middle is heard.
    const reply = peer.next().then(() => void (early = {}), (error) => void (early = { error }));
    try {
      for (;;) {
        let next: IteratorResult<Uint8Array, Uint8Array>;
        try {
          next = await chunks.next();
        } catch (error) {
          return this.#abort("body", { kind: "unreadable", detail: reasonOf(error) });
        }
        if (early !== undefined) break;
        if (next.done) {
          // From here on a reply is the one to the dot, even when it is read before we hear that the dot has gone.
          step.stage = "dot";
          peer.allow(this.timeout("dot"));
          if (next.value.length > 0) peer.write(next.value);
          break;
        }
        peer.allow(this.timeout("body"));
        try {
          await peer.flush(next.value);
        } catch {
          break; // the read knows why, or hears what the peer had to say
        }
      }
    } finally {
      await chunks.return(NOTHING);
    }
    await reply;
    const { error } = early! as { readonly error?: unknown };
    if (error !== undefined) throw error;
    if (step.stage !== "dot") return this.#abort("body", { kind: "reply", reply: peer.reply() });
    this.#waiting = true;
    return undefined;
  }

  /** Gives up in the middle of the content: the only way out is to close, so that the peer takes nothing for whole. */
  #abort(stage: Stage, finding: Finding): Fact {
    this.peer.close();
    return { stage, finding };
  }

  /** The next reply's code. Each wait has the stage's whole time (RFC 5321 §4.5.3.2 gives it for each command). */
  async #reply(stage: Stage): Promise<number> {
    const code = this.#atHand(stage);
    if (code !== 0) return code;
    const { peer } = this;
    peer.allow(this.timeout(stage));
    return this.#noted(await peer.next(), stage);
  }

  /** The same, when the reply need not be waited for; else 0. Replies to a group come together. */
  #atHand(stage: Stage): number {
    if (this.#waiting) {
      this.#waiting = false;
      return this.#noted(this.peer.reply().code, stage);
    }
    const code = this.peer.take();
    return code === 0 ? 0 : this.#noted(code, stage);
  }

  #noted(code: number, stage: Stage): number {
    this.#heard++;
    // RFC 5321 §3.8: 421 closes the connection. A good reply of the wrong kind: we no longer speak of the same command.
    if (code === 421 || (code < 400 && kindOf(code) !== STAGES[stage].wants)) this.#usable = false;
    return code;
  }

  /** `sent`: the content is on its way, and a reply that is no refusal does not say that it is not wanted. */
  #fact(stage: Stage, sent = false): Fact {
    const reply = this.peer.reply();
    return { stage: sent && reply.code < 400 ? "dot" : stage, finding: { kind: "reply", reply } };
  }

  /** The transaction is over without content. */
  #ends(fact: Fact): Fact {
    this.#needsReset = true;
    return fact;
  }

  /** RFC 2920: the envelope in one write, with DATA or a small message behind it. */
  #sendGroup(commands: Commands, plan: Plan): void {
    let text = this.#needsReset ? "RSET\r\n" + commands.mail : commands.mail;
    for (const command of commands.rcpt) if (typeof command === "string") text += command;
    switch (plan.by) {
      case "data":
        return this.peer.send(text + DATA);
      case "chunk":
        return this.peer.send(`${text}BDAT ${plan.bytes.length} LAST\r\n`, text, plan.bytes);
      case "long-chunk":
        return this.peer.send(text);
    }
  }

  /** Milliseconds that a stage may take. */
  timeout(stage: Stage): number {
    return allowance(stage, this.#timeouts, this.#mostMs);
  }
}

/** Every recipient was refused for itself; nobody is left whom this could concern. */
const NOTHING = new Uint8Array(0);
const NOBODY: Fact = { stage: "data", finding: { kind: "lost", detail: "no recipient was accepted" } };

function kindOf(code: number): number {
  return Math.trunc(code / 100);
}

function codeOf({ finding }: Fact): number {
  return finding.kind === "reply" ? finding.reply.code : 0;
}
