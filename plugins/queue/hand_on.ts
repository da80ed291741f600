/**
 * Handing a message to another server while the client waits, and what its answers come to: all recipients taken is `ok` with the server's words,
 * none taken its refusal, word for word. Of some, the rest go to the outbound queue: a refusal of the whole would make the client send twice to those taken.
 * A server that cannot be reached leaves the message to the next queue plugin (in the end 451).
 */
import {
  type Attempt,
  defer,
  deny,
  type Destination,
  type Envelope,
  type HookEvent,
  ok,
  type Outcome,
  type PluginHost,
  type Session,
} from "kasi";

export interface HandOn {
  readonly destinations: readonly Destination[];
  /** Whether a server that offers XCLIENT is told who the client is. */
  readonly forClient?: boolean;
  /** A message of its own for each recipient. */
  readonly oneEach: boolean;
  /** For those not taken: how the outbound queue finds the way. */
  readonly restNotes: Readonly<Record<string, unknown>>;
}

export async function handOn(
  { name, forwarder, enqueue, machine }: PluginHost,
  { session, transaction, message, signal }: HookEvent<"queue">,
  { destinations, oneEach, restNotes, forClient = false }: HandOn,
): Promise<ReturnType<typeof ok | typeof deny | typeof defer> | undefined> {
  const { id, sender, recipients, notes, smtpUtf8, wanted, log, results } = transaction;
  const envelope: Envelope = { id, sender, recipients, notes: notes.toJSON(), smtpUtf8, wanted };
  const common = { envelope, attempts: 0, queuedAt: machine.clock.now(), size: message.size, log };
  const parts = oneEach ? recipients.map((one) => [one]) : [recipients];
  const outcomes: Outcome[] = [];
  const client = clientOf(session);
  const hops = forClient ? destinations.map((hop) => ({ ...hop, client })) : destinations;
  for (const [i, part] of parts.entries()) {
    const item = { ...common, id: `${id}.${i + 1}`, domain: part[0]?.address.host ?? "", recipients: part };
    const attempt: Attempt = await forwarder.send(item, message, hops, signal);
    outcomes.push(...attempt.outcomes);
  }
  const [taken] = outcomes.filter((outcome) => outcome.kind === "delivered");
  const refused = outcomes.filter((outcome) => outcome.kind !== "delivered");
  if (taken === undefined) {
    return refusal(refused, (reason) => results.add(name, { fail: reason }), (reason) => log.warn(reason));
  }
  if (refused.length > 0) {
    const rest = refused.map(({ recipient }) => recipient);
    log.notice(`${rest.length} of ${outcomes.length} recipients were not taken and go to the outbound queue`);
    await enqueue({ ...envelope, recipients: rest, notes: { ...envelope.notes, ...restNotes } }, message);
  }
  const text = lines(taken.reply.text);
  results.add(name, { pass: text });
  return ok(text);
}

/** As a next hop hears of it. */
export function clientOf({ remote, hello }: Session): NonNullable<Destination["client"]> {
  return { ip: remote.ip, ...(hello !== undefined && { helo: hello.host }) };
}

type Refused = Exclude<Outcome, { kind: "delivered" }>;

/** Nobody was taken. A refusal for good outweighs one for now; without any reply the server was not reached. */
function refusal(refused: readonly Refused[], failed: (text: string) => void, unreached: (text: string) => void) {
  const said = refused.find(({ kind }) => kind === "failed") ??
    refused.find(({ reason }) => reason.reply !== undefined);
  if (said === undefined) {
    unreached(`backend failure: ${refused[0]?.reason.text ?? "nobody to send to"}`);
    return;
  }
  const { reply, text, status } = said.reason;
  failed(text);
  const words = reply?.text ?? text;
  const options = { enhanced: reply?.enhanced ?? status, ...(reply !== undefined && { code: reply.code }) };
  return said.kind === "failed" ? deny(words, options) : defer(words, options);
}

function lines(text: string | readonly string[]): string {
  return typeof text === "string" ? text : text.join(" ");
}
