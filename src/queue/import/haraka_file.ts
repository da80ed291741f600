/**
 * Haraka's queue files (spec 02 §3): a name that tells when and how often, four octets of length, the envelope as JSON, the message as it is on the
 * wire. {@linkcode readHarakaFile} throws {@linkcode Unreadable} for what is none, or not all of one.
 */
import { crc32c } from "../../base/crc32c.ts";
import type { Recipient } from "../../hooks/session.ts";
import { type Address, addressFromJson, NULL_ADDRESS } from "../../mail/address.ts";
import { type Brought, Unreadable } from "./brought.ts";

export interface HarakaName {
  /** Epoch milliseconds; a name of the older form does not tell. */
  readonly arrival: number | undefined;
  readonly nextAttempt: number;
  readonly attempts: number;
}

const LENGTH_BYTES = 4;
const PARAMETERS: Recipient["parameters"] = new Map();

/** `ARRIVAL_NEXT_ATTEMPTS_PID_UID_COUNTER_HOST`, or the older `NEXT_ATTEMPTS_PID_UNIQ.HOST`; undefined for other names. */
export function parseHarakaName(name: string): HarakaName | undefined {
  const parts = name.split("_");
  const numbers = parts.slice(0, 4).map((part) => /^\d{1,15}$/.test(part) ? Number(part) : NaN);
  const [first = NaN, second = NaN, third = NaN, fourth = NaN] = numbers;
  if (parts.length === 7) {
    const isOne = [first, second, third, fourth].every(Number.isFinite) && /^[a-z0-9]+$/i.test(parts[4]!) &&
      /^\d+$/.test(parts[5]!) && parts[6] !== "";
    return isOne ? { arrival: first, nextAttempt: second, attempts: third } : undefined;
  }
  const isOld = parts.length === 4 && [first, second, third].every(Number.isFinite) && /^\d+\../.test(parts[3]!);
  return isOld ? { arrival: undefined, nextAttempt: first, attempts: second } : undefined;
}

/** How many octets from the start {@linkcode readHarakaFile} needs; throws as it does. */
export function harakaEnvelopeEnd(start: Uint8Array, size: number): number {
  if (size === 0) throw new Unreadable("it is empty");
  if (start.length < LENGTH_BYTES) throw new Unreadable(`it is cut off: ${size} octets are no queue file`);
  const length = new DataView(start.buffer, start.byteOffset).getUint32(0);
  const end = LENGTH_BYTES + length;
  if (end > size) throw new Unreadable(`it is cut off: its envelope has ${length} octets, the whole file ${size}`);
  if (end === size) throw new Unreadable("it is cut off: it has no message");
  return end;
}

/** `start`: the octets up to {@linkcode harakaEnvelopeEnd}. */
export function readHarakaFile(name: string, at: HarakaName, start: Uint8Array, now: number): Brought {
  // The length counts octets, not characters.
  const todo = parseTodo(start.subarray(LENGTH_BYTES));
  const sender = addressOf(todo.mail_from);
  if (sender === undefined) throw new Unreadable(`its sender is no address: ${JSON.stringify(todo.mail_from)}`);
  if (!Array.isArray(todo.rcpt_to) || todo.rcpt_to.length === 0) throw new Unreadable("it has no recipients");
  const recipients = todo.rcpt_to.map((value): Recipient => {
    const address = addressOf(value);
    if (address === undefined || address.isNull()) {
      throw new Unreadable(`a recipient is no address: ${JSON.stringify(value)}`);
    }
    return { address, parameters: PARAMETERS };
  });
  const notes = isObject(todo.notes) ? todo.notes : {};
  const queuedAt = at.arrival ?? (isTime(todo.queue_time) ? todo.queue_time : now);
  const reason = (todo.rcpt_to[0] as { reason?: unknown }).reason;
  const status = (todo.rcpt_to[0] as { dsn_status?: unknown }).dsn_status;
  return {
    envelope: {
      id: idOf(todo.uuid, name),
      sender,
      recipients,
      // What was promised by a plugin holds: `delivery/tls_policy.ts` heeds the note.
      notes: todo.force_tls === true ? { ...notes, force_tls: true } : notes,
      smtpUtf8: sender.isUtf8 || recipients.some(({ address }) => address.isUtf8),
    },
    queuedAt,
    items: [{
      domain: typeof todo.domain === "string" && todo.domain !== ""
        ? todo.domain.toLowerCase()
        : recipients[0]!.address.host,
      recipients: recipients.map((_, place) => place),
      attempts: at.attempts,
      dueAt: at.nextAttempt,
      held: false,
      lastError: typeof reason === "string" ? reason : undefined,
      lastStatus: typeof status === "string" ? status : undefined,
    }],
    offset: start.length,
    stuffed: true,
  };
}

/**
 * The same for a file whenever it is read. Two files may speak of one transaction (Haraka parts a message whose recipients fared differently), but
 * no two files of a directory have one name.
 */
function idOf(uuid: unknown, name: string): string {
  const known = typeof uuid === "string" && /^[\w-]{1,80}(\.\d{1,9}){0,3}$/.test(uuid) ? uuid : "imported";
  return `${known}-${crc32c(new TextEncoder().encode(name)).toString(16).padStart(8, "0")}`;
}

function parseTodo(bytes: Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new Unreadable(`its envelope cannot be read: ${cause instanceof Error ? cause.message : cause}`);
  }
  if (!isObject(value)) throw new Unreadable("its envelope cannot be read: it is no object");
  return value;
}

/** The null path has no user and no host there. */
function addressOf(value: unknown): Address | undefined {
  if (isObject(value) && (value.original === "<>" || value.original === "") && !value.user && !value.host) {
    return NULL_ADDRESS;
  }
  return addressFromJson(value);
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isTime = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value) && value > 0;
