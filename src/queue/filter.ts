/**
 * Which items are meant: by id, domain, sender, recipient, state, age, reason. One table of fields, from which the command line, the control
 * socket and their manuals work; {@linkcode readFilter} throws {@linkcode BadFilter} for what it cannot read.
 *
 * What an item has in memory is looked at first; sender and recipients are read from the disk only for items that pass the rest.
 */
import type { Entry } from "./queued.ts";
import { addressText, recipientText, type StoredMessage } from "./stored.ts";
import type { ItemState, ListFilter } from "./types.ts";

export const STATES: readonly ItemState[] = ["waiting", "ready", "active", "held"];
const SORTS = ["queued", "due"] as const;

/** A field with a value it does not take. */
export class BadFilter extends Error {
  override readonly name = "BadFilter";
}

interface Field {
  /** What stands for its value in a manual. */
  readonly takes: string;
  readonly about: string;
  /** Throws BadFilter. */
  readonly read: (text: string, now: number) => Partial<ListFilter>;
}

export const FILTER_FIELDS = {
  domain: {
    takes: "DOMAIN",
    about: "for this recipient domain (`*.example.com`: any below it)",
    read: (text) => ({ domain: text.toLowerCase() }),
  },
  site: {
    takes: "SITE",
    about: "for this site, as `kasi sites` names it",
    read: (text) => ({ site: text }),
  },
  sender: {
    takes: "ADDRESS",
    about: "from this sender (`*@example.com`; `<>`: reports)",
    read: (text) => ({ sender: bare(text) }),
  },
  recipient: {
    takes: "ADDRESS",
    about: "for this recipient (`*@example.com`)",
    read: (text) => ({ recipient: bare(text) }),
  },
  state: {
    takes: "STATE",
    about: `in this state: ${STATES.join(", ")}`,
    read: (text) => ({ state: oneOf(STATES, text, "state") }),
  },
  error: {
    takes: "TEXT",
    about: "whose last failure says so (or has such a status: `4.7.1`)",
    read: (text) => ({ error: text }),
  },
  older: {
    takes: "AGE",
    about: "queued at least so long ago: `90s`, `15m`, `2h`, `3d`",
    read: (text, now) => ({ queuedBefore: now - age(text, "older") }),
  },
  younger: {
    takes: "AGE",
    about: "queued at most so long ago",
    read: (text, now) => ({ queuedAfter: now - age(text, "younger") }),
  },
  limit: {
    takes: "N",
    about: "at most so many",
    read(text) {
      if (!/^[1-9]\d{0,8}$/.test(text)) throw new BadFilter("limit wants a number from 1");
      return { limit: Number(text) };
    },
  },
  sort: {
    takes: "ORDER",
    about: "in order of acceptance (`queued`) or of the next attempt (`due`)",
    read: (text) => ({ sort: oneOf(SORTS, text, "sort") }),
  },
} as const satisfies { readonly [name: string]: Field };
export type FilterField = keyof typeof FILTER_FIELDS;
export const FILTER_NAMES = Object.keys(FILTER_FIELDS) as FilterField[];

/** From texts, as the command line and the control socket have them. */
export function readFilter(
  given: { get(field: FilterField): string | null | undefined; readonly ids: readonly string[] },
  now: number,
): ListFilter {
  let filter: ListFilter = given.ids.length === 0 ? {} : { id: given.ids.length === 1 ? given.ids[0]! : given.ids };
  for (const name of FILTER_NAMES) {
    const text = given.get(name);
    if (text !== null && text !== undefined) filter = { ...filter, ...FILTER_FIELDS[name].read(text, now) };
  }
  return filter;
}

/** Whether it leaves nothing out but by its limit. */
export function meansAll(filter: ListFilter): boolean {
  return !Object.keys(filter).some((name) => name !== "limit" && name !== "sort");
}

/** A filter, and who knows to which site a domain belongs; without that each domain is one. */
export interface Lookup extends ListFilter {
  readonly siteOf?: (domain: string) => string;
}

export interface Test {
  /** By what is in memory. */
  quick(entry: Entry): boolean;
  /** By what is on disk; undefined when that need not be read. An item whose record cannot be read is none that was asked for. */
  readonly thorough: ((entry: Entry, stored: StoredMessage | undefined) => boolean) | undefined;
}

export function testOf(lookup: Lookup): Test {
  const { id, domain, site, sender, recipient, state, error, queuedBefore, queuedAfter } = lookup;
  const ids = id === undefined ? undefined : new Set(typeof id === "string" ? [id] : id);
  const isDomain = domain === undefined ? undefined : glob(domain);
  // Names of sites have their own `*`.
  const named = site?.toLowerCase();
  const siteOf = lookup.siteOf ?? ((name) => name);
  const isSender = sender === undefined ? undefined : glob(sender);
  const isRecipient = recipient === undefined ? undefined : glob(recipient);
  const words = error?.toLowerCase();
  return {
    quick: (entry) =>
      (state === undefined || entry.state === state) &&
      (isDomain === undefined || isDomain(entry.domain)) &&
      (named === undefined || siteOf(entry.domain).toLowerCase() === named) &&
      (queuedBefore === undefined || entry.message.queuedAt <= queuedBefore) &&
      (queuedAfter === undefined || entry.message.queuedAt >= queuedAfter) &&
      (words === undefined || (entry.lastError?.toLowerCase().includes(words) ?? false) ||
        entry.lastStatus === words) &&
      (ids === undefined || ids.has(entry.message.id) || ids.has(entry.id)),
    thorough: isSender === undefined && isRecipient === undefined
      ? undefined
      : (entry, stored) =>
        stored !== undefined &&
        (isSender === undefined || isSender(addressText(stored.s))) &&
        (isRecipient === undefined || entry.left.some((place) => isRecipient(recipientText(stored.r[place]!)))),
  };
}

/** The whole text, letters alike; `*` stands for anything. */
function glob(pattern: string): (text: string) => boolean {
  const wanted = pattern.toLowerCase();
  if (!wanted.includes("*")) return (text) => text.toLowerCase() === wanted;
  const parts = wanted.split("*").map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, "\\$&"));
  const whole = new RegExp(`^${parts.join(".*")}$`, "s");
  return (text) => whole.test(text.toLowerCase());
}

const bare = (text: string) => text.startsWith("<") && text.endsWith(">") ? text.slice(1, -1) : text;

function oneOf<T extends string>(all: readonly T[], text: string, name: string): T {
  const known = all.find((each) => each === text);
  if (known === undefined) throw new BadFilter(`${name} wants one of ${all.join(", ")}`);
  return known;
}

const UNITS: { readonly [unit: string]: number } = { s: 1, m: 60, h: 3600, d: 86400, w: 604800 };

function age(text: string, name: string): number {
  const [, number, unit] = /^(\d{1,9})([smhdw]?)$/i.exec(text) ?? [];
  if (number === undefined) throw new BadFilter(`${name} wants an age: 90s, 15m, 2h, 3d, 1w`);
  return Number(number) * 1000 * UNITS[unit === "" ? "s" : unit!.toLowerCase()]!;
}
