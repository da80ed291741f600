/**
 * The JSON in a record, and what it stands for: envelopes and item states, in few octets.
 *
 * Keys are one letter because a busy queue writes thousands a second. A reader passes over keys it does not know.
 */
import type { Envelope, MailOptions, Notify } from "../hooks/outbound.ts";
import type { Recipient } from "../hooks/session.ts";
import { type Address, makeAddress } from "../mail/address.ts";

/** `user@host`, or what was typed, its user and its host, when that differs. */
export type StoredAddress = string | readonly [original: string, user: string, host: string];
type StoredRecipient = StoredAddress | {
  readonly a: StoredAddress;
  readonly p?: Readonly<Record<string, string | null>>;
  /** NOTIFY, by first letters. */
  readonly y?: string;
  /** ORCPT. */
  readonly o?: readonly [type: string, address: string];
};

/** `Envelope.wanted`. */
export interface StoredWishes {
  readonly ret?: "FULL" | "HDRS" | undefined;
  readonly id?: string | undefined;
  readonly body?: "7BIT" | "8BITMIME" | "BINARYMIME" | undefined;
  readonly tls?: 1 | undefined;
  /** Priority. */
  readonly p?: number | undefined;
  /** Deliver by: epoch milliseconds; R or N, with T for a trace. */
  readonly by?: readonly [at: number, how: "R" | "N" | "RT" | "NT"] | undefined;
  /** Hold until, epoch milliseconds. */
  readonly h?: number | undefined;
}

/** What senders were told while an item waits: bits of {@linkcode StoredState}'s `w`. */
export const TOLD = { delayed: 1, overdue: 2 } as const;

/** How an item stands, in full: of two states the later one holds. */
export interface StoredState {
  /** Which item of the message, from 0. */
  readonly n: number;
  /** Failed attempts. */
  readonly a: number;
  /** Epoch milliseconds of the next attempt. */
  readonly d: number;
  /** Recipients still to be served, by their place in the envelope; [] when the item is done. */
  readonly l: readonly number[];
  /** Held. */
  readonly h?: 1;
  /** Why the last attempt did not do, and its RFC 3463 status. */
  readonly e?: string;
  readonly s?: string;
  /** What the sender was told so far: bits of {@linkcode TOLD}. */
  readonly w?: number;
}

export interface StoredOutcome extends StoredState {
  /** Transaction id. */
  readonly i: string;
  /** Behind the JSON stands what happened to the item so far (`history.ts`). */
  readonly x?: 1;
}

/** Payload of hold, release and removed; without `n` all items of the message are meant. */
export interface StoredMark {
  readonly i: string;
  readonly n?: number;
}

/** Payload of accepted. */
export interface StoredMessage {
  readonly i: string;
  /** Queued at, epoch milliseconds. */
  readonly t: number;
  readonly s: StoredAddress;
  readonly r: readonly StoredRecipient[];
  /** Domains, one per item. */
  readonly d: readonly string[];
  /** For each recipient its item; left out when there is one item. */
  readonly g?: readonly number[];
  readonly n?: Readonly<Record<string, unknown>>;
  readonly u?: 1;
  /** A report of our own. */
  readonly k?: 1;
  readonly w?: StoredWishes;
  /** Size of the message. */
  readonly z: number;
  /** Body file and the offset its part begins at; what the record itself holds goes in front. */
  readonly b?: readonly [name: string, offset: number];
  /** A report to the sender: how the item stands that it reports on. One record, so that a crash parts them never. */
  readonly o?: StoredOutcome;
  /** The key under which it was submitted (`keyring.ts`). */
  readonly q?: string;
  /** A record copied forward: how its items stand. Items left out are done. */
  readonly st?: readonly StoredState[];
  /** The file it was imported from, and how its items stood there. */
  readonly f?: { readonly n: string; readonly st: readonly StoredState[] };
}

// deno-lint-ignore no-control-regex
const NON_ASCII = /[^\x00-\x7f]/;
const NO_PARAMETERS: Recipient["parameters"] = new Map();

export function storeAddress(address: Address): StoredAddress {
  const { original, user, originalHost } = address;
  return original === `${user}@${originalHost}` && !user.includes("@") ? original : [original, user, originalHost];
}

export function restoreAddress(stored: StoredAddress): Address {
  if (typeof stored !== "string") {
    const [original, user, host] = stored;
    return makeAddress({ original, user, host, isUtf8: NON_ASCII.test(user + host) });
  }
  const at = stored.indexOf("@");
  const user = stored.slice(0, at);
  return makeAddress({ original: stored, user, host: stored.slice(at + 1), isUtf8: NON_ASCII.test(stored) });
}

export function addressText(stored: StoredAddress): string {
  return restoreAddress(stored).address;
}

function storeRecipient({ address, parameters, notify, originalRecipient: original }: Recipient): StoredRecipient {
  const stored = storeAddress(address);
  if (parameters.size === 0 && notify === undefined && original === undefined) return stored;
  return {
    a: stored,
    ...(parameters.size === 0 ? undefined : { p: Object.fromEntries(parameters) }),
    ...(notify === undefined ? undefined : { y: notify.map((one) => one[0]).join("") }),
    ...(original === undefined ? undefined : { o: [original.type, original.address] as const }),
  };
}

const NOTIFY: { readonly [letter: string]: Notify } = { N: "NEVER", S: "SUCCESS", F: "FAILURE", D: "DELAY" };

/** Whether the sender wants to hear when it is delayed. */
export function asksForDelay(stored: StoredRecipient): boolean {
  return !isAddress(stored) && stored.y?.includes("D") === true;
}

function isAddress(stored: StoredRecipient): stored is StoredAddress {
  return typeof stored === "string" || Array.isArray(stored);
}

export function recipientText(stored: StoredRecipient): string {
  return addressText(isAddress(stored) ? stored : stored.a);
}

function restoreRecipient(stored: StoredRecipient): Recipient {
  if (isAddress(stored)) return { address: restoreAddress(stored), parameters: NO_PARAMETERS };
  const { a, p, y, o } = stored;
  return {
    address: restoreAddress(a),
    parameters: p === undefined ? NO_PARAMETERS : new Map(Object.entries(p)),
    ...(y === undefined ? undefined : { notify: Array.from(y).flatMap((letter) => NOTIFY[letter] ?? []) }),
    ...(o === undefined ? undefined : { originalRecipient: { type: o[0], address: o[1] } }),
  };
}

/** JSON leaves out what is undefined. */
function storeWishes({ ret, envid, body, requireTls, priority, deliverBy, holdUntil }: MailOptions): StoredWishes {
  const by: StoredWishes["by"] = deliverBy && [deliverBy.at, `${deliverBy.mode}${deliverBy.trace ? "T" : ""}`];
  return { ret, id: envid, body, tls: requireTls ? 1 : undefined, p: priority, by, h: holdUntil };
}

/** Of what a sender wants, the part that the queue itself goes by; undefined when there is none. */
export function queueWishes(wishes: StoredWishes | undefined): Pick<StoredWishes, "p" | "by" | "h"> | undefined {
  if (wishes === undefined) return undefined;
  const { p, by, h } = wishes;
  return p === undefined && by === undefined && h === undefined ? undefined : { p, by, h };
}

function restoreWishes({ ret, id, body, tls, p, by, h }: StoredWishes): MailOptions {
  return {
    ...(ret === undefined ? undefined : { ret }),
    ...(id === undefined ? undefined : { envid: id }),
    ...(body === undefined ? undefined : { body }),
    ...(tls === undefined ? undefined : { requireTls: true as const }),
    ...(p === undefined ? undefined : { priority: p }),
    ...(by === undefined ? undefined : { deliverBy: restoreDeadline(by) }),
    ...(h === undefined ? undefined : { holdUntil: h }),
  };
}

function restoreDeadline([at, how]: NonNullable<StoredWishes["by"]>): NonNullable<MailOptions["deliverBy"]> {
  return { at, mode: how.startsWith("R") ? "R" : "N", trace: how.endsWith("T") };
}

/** An item for each domain, in order of first appearance, or for each recipient (spec 02 §1.1). */
export function splitByDomain(
  recipients: readonly Recipient[],
  always: boolean,
): { readonly d: readonly string[]; readonly g?: readonly number[] } {
  const first = recipients[0]?.address.host ?? "";
  if (always) return { d: recipients.map((r) => r.address.host), g: recipients.map((_, i) => i) };
  if (recipients.every((r) => r.address.host === first)) return { d: [first] };
  const places = new Map<string, number>();
  const g = recipients.map((r) => {
    const place = places.get(r.address.host) ?? places.size;
    places.set(r.address.host, place);
    return place;
  });
  return { d: [...places.keys()], g };
}

export function storeEnvelope(envelope: Envelope): Pick<StoredMessage, "i" | "s" | "r" | "n" | "u" | "k" | "w"> {
  const { id, sender, recipients, notes, smtpUtf8, wanted, report } = envelope;
  let hasNotes = false;
  for (const _ in notes) {
    hasNotes = true;
    break;
  }
  return {
    i: id,
    s: storeAddress(sender),
    r: recipients.map(storeRecipient),
    ...(hasNotes ? { n: notes } : undefined),
    ...(smtpUtf8 ? { u: 1 as const } : undefined),
    ...(report ? { k: 1 as const } : undefined),
    ...(wanted === undefined ? undefined : { w: storeWishes(wanted) }),
  };
}

export function restoreEnvelope(stored: ReturnType<typeof storeEnvelope>): Envelope {
  return {
    id: stored.i,
    sender: restoreAddress(stored.s),
    recipients: stored.r.map(restoreRecipient),
    notes: stored.n ?? {},
    smtpUtf8: stored.u === 1,
    ...(stored.k === 1 ? { report: true as const } : undefined),
    ...(stored.w === undefined ? undefined : { wanted: restoreWishes(stored.w) }),
  };
}
