/**
 * One call of a Haraka plugin's function: `fn.call(plugin, next, object, params)`, and what comes of it.
 *
 * A function that calls `next` before it returns is answered at once, without a promise. Its throw, or the rejection of an `async` one, is the
 * runner's to judge. A second `next` is an ERROR in the log and nothing else; one that comes too late is heard by nobody.
 */
import type { Message } from "../../mail/message.ts";
import type { Logger } from "../../log/types.ts";
import type { LogItem } from "../../log/types.ts";
import type { Attempt, Envelope, Item, Outcome, Via } from "../outbound.ts";
import type { Capabilities, Parameters, Recipient, Session } from "../session.ts";
import type { Refusal } from "../verdict.ts";
import { AddressFace, type AddressStyle } from "./address.ts";
import type { ConnectionFace } from "./connection.ts";
import { GLOBALS } from "./constants.ts";
import { HMailFace } from "./hmail.ts";
import { codeOf, verdictOf } from "./verdict.ts";

export type HarakaFunction = (this: unknown, next: Next, object: unknown, params?: unknown) => unknown;
export type Next = (code?: number, message?: unknown) => void;

/** Whose function it is. */
export interface Caller {
  readonly plugin: object & { readonly name: string };
  readonly log: Logger;
  readonly style: AddressStyle;
  readonly server: unknown;
  connectionOf(session: Session): ConnectionFace;
}

/** All that the events of our points may hold. */
interface AnyEvent {
  readonly session?: Session;
  readonly signal?: AbortSignal;
  readonly message?: Message;
  readonly recipient?: Recipient;
  readonly sender?: Session["transaction"] extends infer T ? NonNullable<T> extends { sender: infer A } ? A : never
    : never;
  readonly parameters?: Parameters;
  readonly host?: string;
  readonly verb?: string;
  readonly rest?: string;
  readonly text?: string;
  readonly capabilities?: Capabilities;
  readonly refused?: Refusal;
  readonly by?: string;
  readonly at?: string;
  readonly event?: object;
  readonly item?: Item | LogItem;
  readonly domain?: string;
  readonly envelope?: Envelope;
  readonly delay?: number;
  readonly error?: string;
  readonly attempt?: Attempt;
  readonly outcomes?: readonly Outcome[];
  readonly via?: Via;
  readonly response?: string;
}

/** What the `deny` hook is told of a refusal that one of our plugins spoke: its function, its parameters. */
const SPOKEN = new WeakMap<object, { readonly method: string; readonly params: unknown; readonly message: unknown }>();

export function callFunction(hook: string, method: string, fn: HarakaFunction, event: object, caller: Caller): unknown {
  const told = event as AnyEvent;
  const connection = told.session === undefined ? undefined : caller.connectionOf(told.session);
  if (connection !== undefined) prepare(hook, connection, told);
  const transaction = connection?.transaction;
  if (transaction?.awaitsBody) {
    return transaction.loadBody().then(() => run(hook, method, fn, told, caller, connection));
  }
  return run(hook, method, fn, told, caller, connection);
}

function run(
  hook: string,
  method: string,
  fn: HarakaFunction,
  event: AnyEvent,
  caller: Caller,
  connection: ConnectionFace | undefined,
): unknown {
  const { object, params } = argumentsFor(hook, event, caller, connection);
  const log = connection === undefined ? caller.log : event.session!.log;
  let verdict: unknown;
  let settled = false;
  let settle: ((verdict: unknown) => void) | undefined;
  const next: Next = (code, message) => {
    if (settled) {
      if (hook !== "log") {
        log.error(`Plugin ${caller.plugin.name} called next() more than once at ${hook}; only the first counts`);
      }
      return;
    }
    settled = true;
    // The client has gone, or the runner did not wait: nobody hears it, and nothing of the session may be changed.
    if (settle !== undefined && event.signal?.aborted) return settle(undefined);
    verdict = verdictOf(hook, code, message, connection);
    if (connection !== undefined) finish(hook, connection, event, params);
    if (typeof verdict === "object") SPOKEN.set(verdict as object, { method, params, message });
    settle?.(verdict);
  };
  const returned = fn.call(caller.plugin, next, object, params);
  if (settled) {
    // An async function that fails behind its next() has nobody else to tell.
    if (returned instanceof Promise) returned.catch((fault) => log.error(`Plugin ${caller.plugin.name}: ${fault}`));
    return verdict;
  }
  return new Promise((resolve, reject) => {
    settle = resolve;
    if (isThenable(returned)) returned.then(undefined, reject);
  });
}

function prepare(hook: string, connection: ConnectionFace, event: AnyEvent): void {
  const { session, recipient, message, capabilities } = event;
  connection.hook = hook;
  connection.said = undefined;
  connection.closes = false;
  if (capabilities !== undefined) connection.capabilities = capabilities.lines;
  if (session!.auth !== undefined) connection.notes.auth_user ??= session!.auth.user;
  connection.transaction?.show(recipient, message);
}

function finish(hook: string, connection: ConnectionFace, event: AnyEvent, params: unknown): void {
  const { recipient, capabilities } = event;
  const put = hook === "rcpt" && Array.isArray(params) ? params[0] : undefined;
  connection.transaction?.heed(recipient, put);
  connection.hook = "";
  if (capabilities === undefined) return;
  const { lines } = capabilities;
  // What the engine itself speaks it is told of; everything else is a line.
  for (const line of [...lines]) {
    const [, word, rest = ""] = /^(AUTH|STARTTLS)\b\s*(.*)$/i.exec(line) ?? [];
    if (word === undefined) continue;
    lines.splice(lines.indexOf(line), 1);
    if (word.toUpperCase() === "STARTTLS") capabilities.startTls = capabilities.canStartTls;
    else for (const mechanism of rest.split(/\s+/).filter(Boolean)) capabilities.auth.add(mechanism.toUpperCase());
  }
}

function argumentsFor(
  hook: string,
  event: AnyEvent,
  caller: Caller,
  connection: ConnectionFace | undefined,
): { readonly object: unknown; readonly params?: unknown } {
  const address = (ours: unknown) => new AddressFace(ours as never, caller.style);
  const parameters = () => Object.fromEntries(event.parameters ?? event.recipient?.parameters ?? []);
  const item = () => new HMailFace(event.item as Item, caller.style);
  switch (hook) {
    case "helo":
    case "ehlo":
      return { object: connection, params: event.host };
    case "unrecognized_command":
      return { object: connection, params: [event.verb, ...event.rest ? [event.rest] : []] };
    case "mail":
      return { object: connection, params: [address(event.sender), parameters()] };
    case "rcpt":
      return { object: connection, params: [connection!.transaction!.face(event.recipient!), parameters()] };
    case "rcpt_ok":
      return { object: connection, params: connection!.transaction!.face(event.recipient!) };
    case "queue_ok":
      return { object: connection, params: event.text };
    case "deny": {
      const { refused, by, at } = event;
      const spoken = SPOKEN.get(refused!);
      const text = spoken?.message ?? (refused!.kind === "hangUp" ? undefined : refused!.reply.text);
      return {
        object: connection,
        params: [GLOBALS[codeOf(refused!)], text, by, spoken?.method ?? at, spoken?.params, at],
      };
    }
    case "log": {
      const { level, message } = event.item as LogItem;
      return { object: caller.plugin, params: { level, data: message, obj: event.item } };
    }
    case "init_master":
    case "init_child":
    case "init_http":
    case "init_wss":
      return { object: caller.server };
    case "pre_send_trans_email":
      return { object: { transaction: { uuid: event.envelope!.id, notes: event.envelope!.notes } } };
    case "send_email":
      return { object: item() };
    case "get_mx":
      return { object: item(), params: event.domain };
    case "deferred":
      return { object: item(), params: { delay: event.delay, err: event.error, ...deferred(event, caller) } };
    case "bounce":
      return { object: item(), params: Object.assign(new Error(event.error), bounced(event, caller)) };
    case "delivered": {
      const { via, response, delay, outcomes = [] } = event;
      const recipients = outcomes.filter(({ kind }) => kind === "delivered").map((one) =>
        address(one.recipient.address)
      );
      const { host, ip, port, mode, tls, authenticated } = via!;
      return { object: item(), params: [host, ip, response, delay, port, mode, recipients, tls, authenticated] };
    }
    default:
      return { object: connection };
  }
}

/** Spec 02 §4.1 (3.1.2): whom it is about, and the host that said so. */
function deferred({ attempt }: AnyEvent, { style }: Caller): object {
  const outcomes = attempt?.outcomes ?? [];
  return { fail_recips: failuresOf(outcomes, "deferred", style), mx: mxOf(outcomes, "deferred") };
}

function bounced({ attempt, outcomes = [] }: AnyEvent, { style }: Caller): object {
  return {
    bounced_rcpt: failuresOf(outcomes, "failed", style),
    deferred_rcpt: failuresOf(attempt?.outcomes ?? [], "deferred", style),
    mx: mxOf(outcomes, "failed"),
  };
}

type Failure = Exclude<Outcome, { kind: "delivered" }>;

function only(outcomes: readonly Outcome[], kind: Failure["kind"]): Failure[] {
  return outcomes.filter((one): one is Failure => one.kind === kind);
}

/** Addresses with what was said of each (spec 02 §4.5). */
function failuresOf(outcomes: readonly Outcome[], kind: Failure["kind"], style: AddressStyle): AddressFace[] {
  return only(outcomes, kind).map(({ recipient, reason: { text, status, reply, remote } }) =>
    Object.assign(new AddressFace(recipient.address, style), {
      reason: text,
      dsn_action: kind === "failed" ? "failed" : "delayed",
      dsn_status: status,
      dsn_remote_mta: remote,
      dsn_smtp_code: reply?.code,
      dsn_smtp_extc: reply?.enhanced,
      dsn_smtp_response: reply === undefined ? undefined : [reply.text].flat().join(" "),
    })
  );
}

/** Null where no host was asked. */
function mxOf(outcomes: readonly Outcome[], kind: Failure["kind"]): { readonly exchange: string } | null {
  const remote = only(outcomes, kind).find(({ reason }) => reason.remote !== undefined)?.reason.remote;
  return remote === undefined ? null : { exchange: remote };
}

function isThenable(value: unknown): value is Promise<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}
