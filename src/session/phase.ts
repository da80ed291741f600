/** Where a session stands. Each phase carries just what exists there, and nothing else. */
import type { Reply } from "../wire/reply.ts";
import type { ChunkedIntake } from "./bdat.ts";
import type { TransactionState } from "./transaction.ts";

export interface Hello {
  readonly verb: "HELO" | "EHLO";
  readonly host: string;
}

export type Phase =
  /** Before the 220. */
  | { readonly at: "connected" }
  /** The 220 is out; no HELO yet, or forgotten by STARTTLS. */
  | { readonly at: "greeted" }
  | { readonly at: "ready" }
  /** A transaction without a recipient. */
  | { readonly at: "mail"; readonly transaction: TransactionState }
  /** A transaction with recipients. */
  | { readonly at: "rcpt"; readonly transaction: TransactionState }
  /** Between two chunks of BDAT (RFC 3030 §2). */
  | { readonly at: "bdat"; readonly transaction: TransactionState; readonly intake: ChunkedIntake }
  /** Every command but QUIT gets this reply. */
  | { readonly at: "refused"; readonly reply: Reply }
  /** We have said our last word. `asked`: at the peer's wish. */
  | { readonly at: "closed"; readonly asked?: true };

export type PhaseName = Phase["at"];
export type At<N extends PhaseName> = Extract<Phase, { readonly at: N }>;

/** What a command came to: the reply to send (none when all is said) and the phase behind it. */
export interface Step {
  readonly reply: Reply | undefined;
  readonly next: Phase;
}
