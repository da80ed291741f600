/**
 * The commands: one row per verb. Open this table and you have seen the server.
 *
 * A row says in which phases its verb is welcome, what is said elsewhere, what is checked before any plugin is asked, which hook
 * decides, and how the dialogue moves on. A verb of the wire without a row does not compile.
 */
import type { EngineHooks, HookEvent } from "../hooks/points.ts";
import type { HOOK_RULES, RefusingRule } from "../hooks/rules.ts";
import type { HookOutcome } from "../hooks/runner.ts";
import type { Command, Verb } from "../wire/command.ts";
import type { Reply } from "../wire/reply.ts";
import { authenticate } from "./auth.ts";
import { takeChunk } from "./bdat.ts";
import { takeData } from "./data.ts";
import type { Dialogue } from "./dialogue.ts";
import {
  acceptRecipient,
  checkMail,
  checkRecipient,
  dropRecipient,
  makeRecipient,
  noRecipient,
  noteSender,
  openTransaction,
} from "./envelope.ts";
import { helloReply } from "./hello.ts";
import type { At, Phase, PhaseName, Step } from "./phase.ts";
import { startTls } from "./starttls.ts";
import { about, TEXTS } from "./texts.ts";
import { isBinary } from "./transaction.ts";
import { unrecognized } from "./unrecognized.ts";

/** Hooks that a row may name: those that can refuse. */
export type DecidingHook = {
  [N in keyof EngineHooks]: (typeof HOOK_RULES)[N] extends RefusingRule ? N : never;
}[keyof EngineHooks];
export type EventFor<H extends keyof EngineHooks> = Omit<HookEvent<H>, "signal">;
export type Moved = Step | Promise<Step>;

interface Common<V extends Verb, W extends readonly PhaseName[]> {
  /** Phases in which the verb is welcome. */
  readonly when: W;
  /** The reply elsewhere; 503 when left out. */
  readonly otherwise?: (phase: Phase, talk: Dialogue) => Reply;
  /** RFC 2920 §3.1: has to be the last command of a group. */
  readonly last?: true;
  /** Ends an open transaction, once checks are passed. */
  readonly fresh?: true;
  /** Everything that needs no plugin. Syntax is done; this is sense. */
  readonly check?: (talk: Dialogue, phase: At<W[number]>, command: Command<V>) => Reply | undefined;
}
interface PlainRow<V extends Verb, W extends readonly PhaseName[]> extends Common<V, W> {
  readonly proceed: (talk: Dialogue, phase: At<W[number]>, command: Command<V>) => Moved;
}
interface DecidedRow<V extends Verb, W extends readonly PhaseName[], H extends DecidingHook> extends Common<V, W> {
  readonly hook: H;
  /** What the hook is told. Called whether or not a plugin listens: it also opens what the command opens. */
  readonly event: (talk: Dialogue, phase: At<W[number]>, command: Command<V>) => EventFor<H>;
  /** Stands for `%s` in the rule's texts. */
  readonly subject?: (event: EventFor<H>) => string;
  /** Hears of a refusal before the aftermath: counts it, takes back what `event` did. */
  readonly refused?: (talk: Dialogue, event: EventFor<H>, reply: Reply) => void;
  /** Nobody refused. */
  readonly proceed: (talk: Dialogue, event: EventFor<H>, outcome: HookOutcome<H>, phase: At<W[number]>) => Moved;
}

const plain = <V extends Verb>() => <const W extends readonly PhaseName[]>(row: PlainRow<V, W>) => row;
const decided =
  <V extends Verb, H extends DecidingHook>() => <const W extends readonly PhaseName[]>(row: DecidedRow<V, W, H>) => row;

const GREETED = ["greeted", "ready", "mail", "rcpt"] as const;
const ANYWHERE = [...GREETED, "bdat"] as const;

const stay = (talk: Dialogue, reply: Reply | undefined): Step => ({ reply, next: talk.phase });

export const COMMANDS = {
  HELO: decided<"HELO", "helo">()({
    when: GREETED,
    last: true,
    fresh: true,
    hook: "helo",
    event: (talk, _phase, { host }) => hello(talk, "HELO", host),
    proceed: greeted,
  }),
  EHLO: decided<"EHLO", "ehlo">()({
    when: GREETED,
    last: true,
    fresh: true,
    hook: "ehlo",
    event: (talk, _phase, { host }) => hello(talk, "EHLO", host),
    proceed: greeted,
  }),

  MAIL: decided<"MAIL", "mail">()({
    when: ["ready", "mail", "rcpt"],
    otherwise: (phase) => phase.at === "bdat" ? TEXTS.chunksUnderWay : TEXTS.helloFirst,
    fresh: true,
    check: checkMail,
    hook: "mail",
    event(talk, _phase, command) {
      const transaction = openTransaction(talk, command);
      return { session: talk.session, transaction, sender: transaction.sender, parameters: command.parameters };
    },
    subject: ({ sender }) => sender.toString(),
    refused: ({ session }, { transaction, sender }, reply) => {
      noteSender(session, transaction, sender, reply);
    },
    proceed(talk, { session, transaction, sender }, { verdict }) {
      const said = verdict?.kind === "ok" && verdict.text !== undefined ? verdict.text : undefined;
      const reply = said === undefined ? about(TEXTS.senderOk, sender.toString()) : { ...TEXTS.senderOk, text: said };
      noteSender(session, transaction, sender, reply);
      return { reply, next: talk.rest() };
    },
  }),
  RCPT: decided<"RCPT", "rcpt">()({
    when: ["mail", "rcpt"],
    otherwise: (phase) => phase.at === "bdat" ? TEXTS.chunksUnderWay : TEXTS.mailFirst,
    check: checkRecipient,
    hook: "rcpt",
    event(talk, { transaction }, command) {
      const recipient = makeRecipient(talk, transaction, command);
      transaction.recipients.push(recipient);
      return { session: talk.session, transaction, recipient };
    },
    subject: ({ recipient }) => (recipient.given ?? recipient.address).toString(),
    refused: dropRecipient,
    proceed: acceptRecipient,
  }),
  DATA: decided<"DATA", "data">()({
    when: ["rcpt"],
    otherwise: (phase, talk) => noRecipient(phase, talk),
    last: true,
    // RFC 3030 §3
    check: (_talk, { transaction }) => isBinary(transaction) ? TEXTS.binaryNeedsBdat : undefined,
    hook: "data",
    event: ({ session }, { transaction }) => ({ session, transaction }),
    proceed: (talk, _event, _outcome, phase) => takeData(talk, phase),
  }),
  // Its octets follow whatever the reply is, so it is welcome everywhere and looks at the phase itself.
  BDAT: plain<"BDAT">()({ when: [...ANYWHERE, "refused"], proceed: takeChunk }),

  RSET: plain<"RSET">()({
    when: ANYWHERE,
    fresh: true,
    async proceed(talk) {
      await talk.ask("rset", { session: talk.session });
      return { reply: TEXTS.ok, next: talk.rest() };
    },
  }),
  QUIT: plain<"QUIT">()({
    when: [...ANYWHERE, "refused"],
    last: true,
    async proceed(talk) {
      const { session, settings } = talk;
      const { verdict } = await talk.ask("quit", { session });
      const text = verdict?.kind === "ok" && verdict.text !== undefined
        ? verdict.text
        : `${settings.me} ${settings.close}`;
      return { reply: { code: 221, enhanced: "2.0.0", text }, next: { at: "closed", asked: true } };
    },
  }),
  NOOP: decided<"NOOP", "noop">()({
    when: ANYWHERE,
    last: true,
    hook: "noop",
    event: ({ session }) => ({ session }),
    proceed: (talk) => stay(talk, TEXTS.ok),
  }),
  HELP: plain<"HELP">()({ when: GREETED, proceed: (talk) => stay(talk, TEXTS.help) }),
  VRFY: decided<"VRFY", "vrfy">()({
    when: GREETED,
    last: true,
    hook: "vrfy",
    event: ({ session }, _phase, { rest }) => ({ session, argument: rest }),
    proceed(talk, _event, { verdict }) {
      if (verdict?.kind !== "ok") return stay(talk, TEXTS.verify);
      return stay(talk, verdict.text === undefined ? TEXTS.userOk : { ...TEXTS.userOk, text: verdict.text });
    },
  }),

  STARTTLS: plain<"STARTTLS">()({ when: GREETED, last: true, proceed: startTls }),
  AUTH: plain<"AUTH">()({ when: GREETED, last: true, proceed: authenticate }),

  // What we do not speak may be a plugin's.
  LHLO: plain<"LHLO">()({
    when: GREETED,
    last: true,
    proceed: (talk, _phase, { verb, rest }) => unrecognized(talk, verb, rest),
  }),
  EXPN: plain<"EXPN">()({
    when: GREETED,
    last: true,
    proceed: (talk, _phase, { verb, rest }) => unrecognized(talk, verb, rest),
  }),
  XCLIENT: plain<"XCLIENT">()({
    when: GREETED,
    last: true,
    proceed: (talk, _phase, { verb, rest }) => unrecognized(talk, verb, rest),
  }),
  UNKNOWN: plain<"UNKNOWN">()({
    when: GREETED,
    last: true,
    proceed: (talk, _phase, { name, rest }) => unrecognized(talk, name, rest),
  }),
} satisfies { readonly [V in Verb]: PlainRow<any, any> | DecidedRow<any, any, any> };

function hello(talk: Dialogue, verb: "HELO" | "EHLO", host: string): EventFor<"helo"> {
  const { session } = talk;
  session.hello = { verb, host };
  if (verb === "EHLO") session.esmtp = true;
  session.results.add("helo", { verb, host });
  return { session, host };
}

function greeted(talk: Dialogue): Moved {
  const reply = helloReply(talk);
  const step = (reply: Reply): Step => ({ reply, next: { at: "ready" } });
  return reply instanceof Promise ? reply.then(step) : step(reply);
}
