/** One mail transaction as hook functions see it, with what only the engine may change. Stays valid when its client has gone. */
import { Notes } from "../hooks/notes.ts";
import type { MailOptions } from "../hooks/outbound.ts";
import type { ResultStore } from "../hooks/result_store.ts";
import type { RunOptions } from "../hooks/runner.ts";
import type { Parameters, Recipient, Tally, Transaction } from "../hooks/session.ts";
import type { Logger } from "../log/types.ts";
import type { Address } from "../mail/address.ts";
import type { Message } from "../mail/message.ts";
import { BodyPlan } from "./body_plan.ts";
import { resultsOf, type SessionState } from "./state.ts";

export class TransactionState implements Transaction {
  readonly id: string;
  readonly sender: Address;
  readonly parameters: Parameters;
  recipients: Recipient[] = [];
  readonly notes: Notes = new Notes();
  readonly results: ResultStore;
  readonly skipPlugins: Set<string> = new Set();
  readonly rcptCount: Tally = { accept: 0, tempfail: 0, reject: 0 };
  /** MAIL said so, or an address of its envelope needs it. */
  smtpUtf8: boolean;
  wanted: MailOptions | undefined = undefined;
  /** MT-PRIORITY asked for more than the client gets: it is told so. */
  priorityLowered = false;
  readonly log: Logger;
  readonly runOptions: RunOptions;
  /** Undefined: as the session says. */
  relaying: boolean | undefined;
  /** Once it is whole. */
  message: Message | undefined;
  /** What plugins want done with the body; undefined when none asked. */
  plan: BodyPlan | undefined;
  /** What lets go of the body, once there is one. */
  discard: (() => void) | undefined;

  /** Counts the session's transactions on: ids are the session's with `.1`, `.2`, … */
  constructor(session: SessionState, sender: Address, parameters: Parameters) {
    this.id = `${session.id}.${++session.transactions}`;
    this.sender = sender;
    this.parameters = parameters;
    this.smtpUtf8 = sender.isUtf8 || parameters.has("SMTPUTF8");
    this.log = session.log.child({ uuid: this.id });
    this.runOptions = { log: this.log, signal: session.signal };
    this.results = resultsOf(this.id, this.log, session.resultRoom);
  }

  get body(): BodyPlan {
    return this.plan ??= new BodyPlan(this.message);
  }
}

/** RFC 3030 §3: its octets may be any, and come by BDAT. */
export function isBinary({ wanted }: Transaction): boolean {
  return wanted?.body === "BINARYMIME";
}
