/**
 * One attempt: the targets in order until every recipient is decided.
 *
 * Outcomes once known are kept; only the undecided go on to the next host. What is left when no host is left takes the meaning of
 * what was seen last. Rejects on abort when nothing is decided yet; else the rest is deferred.
 */
import type { Attempt, Item, Outcome, Via } from "../hooks/outbound.ts";
import type { Recipient } from "../hooks/session.ts";
import type { Site } from "../hooks/site.ts";
import type { Message, Rendered } from "../mail/message.ts";
import { connect, type ConnectContext, keyOf, type Wanted } from "./connect.ts";
import { isEightBit } from "./content.ts";
import type { Conversation, Transaction } from "./conversation.ts";
import { commandsFor } from "./envelope.ts";
import { onward } from "./extensions.ts";
import type { Fact } from "./finding.ts";
import { exhausted, type Meaning, meaningOf, routeMeaning } from "./meaning.ts";
import { notOurs } from "./not_ours.ts";
import type { Lease, Pool } from "./pool.ts";
import { waysTo } from "./source.ts";
import type { Target } from "./target.ts";
import { inTermsOf, type TlsDoor } from "./tls_policy.ts";
import { type TlsResult, tlsResultOf } from "./tls_result.ts";

export interface AttemptContext extends ConnectContext {
  readonly pool: Pool;
  readonly tls: TlsDoor;
  /** What the mail counts for as a destination; undefined: nothing of that. */
  readonly site: Site | undefined;
  /** Whether an address is one of this machine's. */
  readonly isLocal: (address: string) => boolean;
}

/** RFC 5321 §4.5.3.1.8: every server takes a hundred recipients; more go in further transactions. */
const RECIPIENTS_AT_ONCE = 100;

export class DeliveryAttempt {
  readonly #item: Item;
  readonly #context: AttemptContext;
  readonly #rendered: Rendered;
  readonly #size: number;
  readonly #eightBit: boolean;
  readonly #utf8Header: boolean;
  #undecided: readonly Recipient[];
  readonly #outcomes: Outcome[] = [];
  readonly #seen: Meaning[] = [];
  #via: Via | undefined;

  constructor(item: Item, message: Message, context: AttemptContext) {
    this.#item = item;
    this.#context = context;
    this.#rendered = message.render();
    const { head, source, offset } = this.#rendered;
    this.#size = head.length + source.size - offset;
    this.#eightBit = isEightBit(this.#rendered);
    this.#utf8Header = item.envelope.smtpUtf8 && message.header.toBytes().some((octet) => octet > 127);
    this.#undecided = item.recipients;
  }

  async run(targets: readonly Target[]): Promise<Attempt> {
    const { signal } = this.#context;
    try {
      await this.#tryAll(targets);
      if (this.#undecided.length > 0) signal.throwIfAborted();
    } catch (error) {
      if (!signal.aborted || this.#outcomes.length === 0) throw error;
    }
    if (this.#undecided.length > 0) {
      const { verdict: kind, reason } = this.#seen.length > 0
        ? exhausted(this.#seen)
        : routeMeaning({ kind: "only-ourselves" }, this.#item.domain);
      for (const recipient of this.#undecided) this.#outcomes.push({ kind, recipient, reason });
    }
    const outcomes = this.#outcomes;
    return this.#via === undefined ? { outcomes } : { outcomes, via: this.#via };
  }

  async #tryAll(targets: readonly Target[]): Promise<void> {
    const { settings, isLocal, pool, tls, log, site } = this.#context;
    const { domain, envelope } = this.#item;
    const refused: Wanted[] = [];
    for (const target of settings.localMxOk ? targets : notOurs(targets, isLocal, log)) {
      if (this.#undecided.length === 0) return;
      const found = tls.ask({ target, domain, envelope, site: site?.policy, settings });
      const answer = found instanceof Promise ? await found : found;
      if ("refused" in answer) {
        this.#saw({ stage: "starttls", finding: answer.refused }, target);
        continue;
      }
      const ways = waysTo({ target, envelope, sources: site?.policy.sources ?? [], me: settings.helo, log });
      if (ways.length === 0) this.#saw({ stage: "connect", finding: NO_SOURCE }, target);
      for (const way of ways) {
        const wanted = { target, tls: answer.tls, ...way };
        const known = pool.knowsTrouble ? pool.unreachable(keyOf(wanted)) : undefined;
        if (known === undefined) {
          // An address of ours that cannot be used says nothing of the host: the next one may.
          if (await this.#tryHost(wanted, way === ways.at(-1)) === "ours") continue;
        } else if (isSlow(known)) this.#saw(known, target);
        // What only refuses may be asked once more, at the end; a silent host would hold us for the whole time-out again.
        else refused.push(wanted);
        break;
      }
    }
    for (const wanted of refused) {
      if (this.#undecided.length === 0) return;
      await this.#tryHost(wanted, true);
    }
  }

  /** One host, until it has decided everybody or is found to be of no use. `ours`: the source address is at fault, and it is not the last one. */
  async #tryHost(first: Wanted, last: boolean): Promise<"ours" | undefined> {
    const { pool, settings, signal, tls, site } = this.#context;
    const { idleMs } = settings;
    const limits = site === undefined ? settings : {
      idleMs,
      messagesPerConnection: Math.min(settings.messagesPerConnection, site.policy.messagesPerConnection),
      connectionsPerDestination: Math.max(settings.connectionsPerDestination, site.policy.connections),
      site: { name: site.name, connections: site.policy.connections },
    };
    let wanted = first;
    let fresh = false;
    const withoutTls = (why: string) => {
      this.#context.log.notice(`TLS with ${first.target.name} is broken, going on without`, { tls: why });
      wanted = { ...first, tls: "none" };
    };
    while (this.#undecided.length > 0) {
      const opening = wanted;
      const leased = pool.lease(keyOf(wanted), limits, fresh, () => connect(opening, this.#context), signal);
      const lease = leased instanceof Promise ? await leased : leased;
      if ("finding" in lease) {
        if ((lease.stage === "tls" || lease.stage === "starttls") && wanted.tls === "opportunistic") {
          withoutTls(tlsResultOf(lease) ?? "validation-failure");
          continue;
        }
        if (!last && lease.finding.kind === "unreachable" && lease.finding.ours) return "ours";
        this.#saw(lease, wanted.target);
        return;
      }
      // Remembered once it is known that TLS was at fault: without it there is a connection.
      if (wanted !== first) tls.markBroken(wanted.target, settings);
      const came = await this.#useLease(lease, fresh);
      if (came === "useless") return;
      if (came === "left for TLS") withoutTls("starttls-not-supported");
      fresh = came === "stale";
    }
  }

  /**
   * One transaction. `stale`: the connection had died while it was idle, which is no failure. `left for TLS`: the host refused STARTTLS and closed,
   * which is no word on the mail.
   */
  async #useLease(lease: Lease, fresh: boolean): Promise<"go on" | "stale" | "left for TLS" | "useless"> {
    try { // not `using`: Node 22 cannot read it
      const { conversation } = lease;
      const before = conversation.messages;
      const batch = this.#undecided.length > RECIPIENTS_AT_ONCE
        ? this.#undecided.slice(0, RECIPIENTS_AT_ONCE)
        : this.#undecided;
      const found = await this.#transact(conversation, batch);
      if (!fresh && before > 0 && hadDied(conversation, found)) return "stale";
      if (before === 0 && conversation.tlsRefused && hadDied(conversation, found)) return "left for TLS";
      return this.#settle(batch, found, conversation) ? "useless" : "go on";
    } finally {
      lease[Symbol.dispose]();
    }
  }

  async #transact(conversation: Conversation, batch: readonly Recipient[]): Promise<Transaction> {
    const { signal } = this.#context;
    const { envelope } = this.#item;
    const content = { size: this.#size, eightBit: this.#eightBit, utf8Header: this.#utf8Header };
    const commands = commandsFor(envelope, batch, content, conversation.offered, this.#context.machine.clock.now());
    if ("finding" in commands) return { own: [], whole: commands };
    const onAbort = () => conversation.peer.fail({ kind: "lost", detail: "aborted" });
    signal.throwIfAborted();
    conversation.peer.logTo(this.#item.log);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await conversation.transact(commands, this.#rendered, envelope.wanted?.body === "BINARYMIME");
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** Turns what was found into outcomes. True: nothing more is to be had from this host. */
  #settle(batch: readonly Recipient[], { own, whole }: Transaction, { via, offered }: Conversation): boolean {
    const meant = whole === undefined ? undefined : this.#meaning(whole, via.mode, via.host);
    const open: Recipient[] = [];
    let useless = false;
    for (let i = 0; i < batch.length; i++) {
      const fact = own[i];
      const meaning = fact === undefined ? meant! : this.#meaning(fact, via.mode, via.host);
      const recipient = batch[i]!;
      if (meaning.verdict === "delivered") {
        this.#via = via;
        this.#outcomes.push({
          kind: "delivered",
          recipient,
          reply: meaning.reply,
          ...onward(via.mode, offered.keywords, this.#item.envelope.wanted),
        });
      } else if (meaning.whom === "host") {
        if (!useless) this.#noted(meaning, via.host, via.ip);
        useless = true;
        open.push(recipient);
      } else {
        this.#outcomes.push({ kind: meaning.verdict, recipient, reason: meaning.reason });
      }
    }
    const rest = this.#undecided.length > batch.length ? this.#undecided.slice(batch.length) : NONE;
    this.#undecided = open.length === 0 ? rest : [...open, ...rest];
    if (meant !== undefined && meant.verdict !== "delivered" && meant.whom === "message" && concernsAll(own)) {
      // What was said of the message holds for those who were to have it in a later transaction, too.
      for (const recipient of rest) this.#outcomes.push({ kind: meant.verdict, recipient, reason: meant.reason });
      this.#undecided = open;
    }
    return useless;
  }

  #saw(seen: Fact, { destination, name, address }: Target): void {
    const fact = inTermsOf(this.#item.envelope, seen, name);
    const meaning = this.#meaning(fact, destination.protocol === "lmtp" ? "LMTP" : "SMTP", name);
    this.#noted(meaning, name, destination.path ?? address ?? destination.host, tlsResultOf(seen));
  }

  /** A host is of no use: told to the operator once for each attempt. */
  #noted(meaning: Meaning, host: string, ip: string, tls?: TlsResult): void {
    this.#seen.push(meaning);
    if (meaning.verdict === "delivered") return;
    this.#context.log.notice(`${host} (${ip}): ${meaning.reason.text}`, tls === undefined ? {} : { tls });
  }

  #meaning(fact: Fact, mode: Via["mode"], remote: string): Meaning {
    return meaningOf(fact, mode === "LMTP" ? "lmtp" : "smtp", remote);
  }
}

const NO_SOURCE = { kind: "unreachable", detail: "no address to send from is of its family", slow: false } as const;
const NONE: readonly Recipient[] = [];

/** Whether the fact on the whole was one on somebody: not when each recipient had been refused for itself. */
function concernsAll(own: readonly (Fact | undefined)[]): boolean {
  return own.length === 0 || own.includes(undefined);
}

/** The host swallows connections, or takes them and says nothing. */
function isSlow({ finding }: Fact): boolean {
  return finding.kind === "silence" || (finding.kind === "unreachable" && finding.slow);
}

/** A connection used before broke, or was being closed by its peer, before a word was said about this message. */
function hadDied(conversation: Conversation, { whole }: Transaction): boolean {
  if (whole === undefined) return false;
  const { finding } = whole;
  if (finding.kind === "lost") return !conversation.heard;
  return whole.stage === "mail" && finding.kind === "reply" && finding.reply.code === 421;
}
