/**
 * The stages of a conversation: how long each may last, and what it is called in texts.
 *
 * The times are those of RFC 5321 §4.5.3.2 where it names one.
 */
export type Stage =
  | "connect"
  | "greeting"
  | "ehlo"
  | "helo"
  | "starttls"
  | "tls"
  | "xclient"
  | "auth"
  | "mail"
  | "rcpt"
  | "data"
  | "body"
  | "dot"
  | "rset"
  | "quit";

export interface StageRow {
  readonly timeoutMs: number;
  /** As in "socket timeout waiting on MAIL". */
  readonly label: string;
  /** First digit of the reply that carries on. */
  readonly wants: 2 | 3;
}

/** Milliseconds for stages that do not get what is in {@linkcode STAGES}. */
export type Timeouts = { readonly [S in Stage]?: number } | undefined;

const MINUTE = 60_000;

// deno-fmt-ignore
export const STAGES: { readonly [S in Stage]: StageRow } = {
  connect:  { timeoutMs: MINUTE / 2,  label: "connect",  wants: 2 },
  greeting: { timeoutMs: 5 * MINUTE,  label: "greeting", wants: 2 }, // §4.5.3.2.1
  ehlo:     { timeoutMs: 5 * MINUTE,  label: "EHLO",     wants: 2 },
  helo:     { timeoutMs: 5 * MINUTE,  label: "HELO",     wants: 2 },
  starttls: { timeoutMs: 2 * MINUTE,  label: "STARTTLS", wants: 2 },
  tls:      { timeoutMs: MINUTE,      label: "TLS",      wants: 2 },
  xclient:  { timeoutMs: 2 * MINUTE,  label: "XCLIENT",  wants: 2 },
  auth:     { timeoutMs: 2 * MINUTE,  label: "AUTH",     wants: 2 },
  mail:     { timeoutMs: 5 * MINUTE,  label: "MAIL",     wants: 2 }, // §4.5.3.2.2
  rcpt:     { timeoutMs: 5 * MINUTE,  label: "RCPT",     wants: 2 }, // §4.5.3.2.3
  data:     { timeoutMs: 2 * MINUTE,  label: "DATA",     wants: 3 }, // §4.5.3.2.4
  body:     { timeoutMs: 3 * MINUTE,  label: "content",  wants: 2 }, // §4.5.3.2.5, per block
  dot:      { timeoutMs: 10 * MINUTE, label: "dot",      wants: 2 }, // §4.5.3.2.6
  rset:     { timeoutMs: MINUTE / 3,  label: "RSET",     wants: 2 },
  quit:     { timeoutMs: 2_000,       label: "QUIT",     wants: 2 },
};

/** What a stage may take with a host that gets `mostMs` at most. */
export function allowance(stage: Stage, timeouts: Timeouts, mostMs = Infinity): number {
  return Math.min(timeouts?.[stage] ?? STAGES[stage].timeoutMs, mostMs);
}
