/**
 * The hook points: name → what a function is told, which verdicts it may give, what it may answer.
 *
 * Names and moments are Haraka's (spec 01 §7.4, 02 §4.1). A misspelt hook, or a verdict the hook may not give, does not compile.
 */
import type { Address } from "../mail/address.ts";
import type { Message } from "../mail/message.ts";
import type { LogItem } from "../log/types.ts";
import type { Reply } from "../wire/reply.ts";
import type { HttpServerFace, WebSocketServerFace } from "./http.ts";
import type { Attempt, Destination, Envelope, Item, Outcome, Via } from "./outbound.ts";
import type { ServerFace } from "./plugin.ts";
import type { AuthAttempt, Capabilities, ClientFacts, Parameters, Recipient, Session, Transaction } from "./session.ts";
import type { Refusal, Refuse, Verdict } from "./verdict.ts";

/** `signal` is aborted when the function is late, or when the client has gone. */
interface Base {
  readonly session: Session;
  readonly signal: AbortSignal;
}
interface InTransaction extends Base {
  readonly transaction: Transaction;
}
interface WithMessage extends InTransaction {
  readonly message: Message;
}
interface Process {
  readonly server: ServerFace;
  readonly signal: AbortSignal;
}
interface Outbound {
  readonly item: Item;
  readonly signal: AbortSignal;
}

export interface Point<Event, May extends Verdict["kind"] = never, Answer = never> {
  readonly event: Event;
  readonly may: May;
  readonly answer: Answer;
}

/** The engine's own points. Closed: `rules.ts` must have a row for each. */
export interface EngineHooks {
  init_master: Point<Process, "ok" | Refuse>;
  init_child: Point<Process, "ok" | Refuse>;
  /** Only where http.ini has endpoints; before the first request is taken. */
  init_http: Point<Process & { readonly server: HttpServerFace }>;
  init_wss: Point<Process & { readonly server: WebSocketServerFace }>;

  connect_init: Point<Base>;
  /** Answer: the client's host name. */
  lookup_rdns: Point<Base, "answer" | Refuse, string>;
  connect: Point<Base, "ok" | Refuse>;
  helo: Point<Base & { readonly host: string }, "ok" | Refuse>;
  ehlo: Point<Base & { readonly host: string }, "ok" | Refuse>;
  capabilities: Point<Base & { readonly capabilities: Capabilities }>;
  /** Answer: the reply to send, or another hook to run in its place. */
  unrecognized_command: Point<
    Base & { readonly verb: string; readonly rest: string },
    "answer" | Refuse,
    | Reply
    | { readonly run: "noop" | "rset" | "vrfy" | "connect" | "lookup_rdns" }
    /** The session begins anew with this client: its transaction, authentication and right to relay are gone, and a new 220 follows. */
    | { readonly run: "connect" | "lookup_rdns"; readonly client: ClientFacts }
  >;
  /** Ours: Haraka's auth plugins listen at unrecognized_command. Saying nothing everywhere refuses the credentials. */
  auth: Point<Base & { readonly attempt: AuthAttempt }, "ok" | Refuse>;

  mail: Point<InTransaction & { readonly sender: Address; readonly parameters: Parameters }, "ok" | Refuse>;
  rcpt: Point<InTransaction & { readonly recipient: Recipient }, "ok" | Refuse>;
  rcpt_ok: Point<InTransaction & { readonly recipient: Recipient }, Refuse>;
  data: Point<InTransaction, Refuse>;
  max_data_exceeded: Point<InTransaction, Refuse>;
  data_post: Point<WithMessage, "ok" | Refuse>;
  queue: Point<WithMessage, "ok" | Refuse>;
  queue_outbound: Point<WithMessage, "ok" | Refuse>;
  queue_ok: Point<InTransaction & { readonly text: string }>;
  reset_transaction: Point<InTransaction>;

  vrfy: Point<Base & { readonly argument: string }, "ok" | Refuse>;
  noop: Point<Base, "ok" | Refuse>;
  rset: Point<Base>;
  quit: Point<Base, "ok">;
  disconnect: Point<Base>;

  /** Hears every refusal; `ok()` overrules it and the chain it stopped goes on. */
  deny: Point<
    Base & { readonly refused: Refusal; readonly by: string; readonly at: string; readonly event: unknown },
    "ok"
  >;
  /** `ok()` keeps the line from the built-in output. Synchronous; faults are swallowed. */
  log: Point<{ readonly item: LogItem }, "ok">;

  pre_send_trans_email: Point<{ readonly envelope: Envelope; readonly message: Message; readonly signal: AbortSignal }>;
  /** Answer: seconds to wait before trying, not counted as a failure. */
  send_email: Point<Outbound, "answer", number>;
  /** Answer: where to send it. Refusals bounce (deny) or defer. */
  get_mx: Point<
    Outbound & { readonly domain: string },
    "answer" | Refuse,
    Destination | string | readonly (Destination | string)[]
  >;
  delivered: Point<
    Outbound & {
      readonly outcomes: readonly Outcome[];
      readonly via: Via;
      readonly delay: number;
      readonly response: string;
    }
  >;
  /** Answer: another delay in seconds. `ok()`: drop these recipients silently. */
  deferred: Point<
    Outbound & { readonly attempt: Attempt; readonly delay: number; readonly error: string },
    "ok" | "answer",
    number
  >;
  /** `ok()`: no report to the sender. */
  bounce: Point<
    Outbound & { readonly attempt: Attempt; readonly outcomes: readonly Outcome[]; readonly error: string },
    "ok"
  >;
}

/** Points that plugins add for one another, by declaration merging. */
// deno-lint-ignore no-empty-interface
export interface PluginHooks {}

export type HookPoints = EngineHooks & PluginHooks;
export type HookName = keyof HookPoints & string;
type Of<N extends HookName, Key extends string> = HookPoints[N] extends { readonly [K in Key]: infer T } ? T : never;
export type HookEvent<N extends HookName> = Of<N, "event">;
export type HookVerdict<N extends HookName> = Extract<Verdict<Of<N, "answer">>, { kind: Of<N, "may"> }>;
export type HookResult<N extends HookName> = HookVerdict<N> | undefined;
/** `void` only ever stands alone (and never for a synchronous function), so that saying nothing is welcome but a wrong verdict is not. */
export type HookHandler<N extends HookName> =
  | ((event: HookEvent<N>) => HookResult<N> | Promise<HookResult<N>>)
  | ((event: HookEvent<N>) => Promise<void>);
