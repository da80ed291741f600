/**
 * What a client wants beside the transport: one row for each parameter of MAIL and RCPT, saying which extension brings it and how its value
 * is read.
 *
 * A parameter is welcome when EHLO listed its extension in this session (RFC 5321 §4.1.1.11), or a plugin listed a keyword of the same
 * name. Values that are malformed, or that we would not keep to, are refused at once: what is accepted is kept to the end.
 */
import type { MailOptions } from "../hooks/outbound.ts";
import type { Parameters, Recipient } from "../hooks/session.ts";
import {
  readDeliverBy,
  readEnvelopeId,
  readHoldFor,
  readHoldUntil,
  readNotify,
  readOriginalRecipient,
  readPriority,
  readRet,
} from "../wire/option_values.ts";
import { isFlag, readAuth, readBody, readSize } from "../wire/params.ts";
import type { Reply } from "../wire/reply.ts";
import type { Dialogue } from "./dialogue.ts";
import { TEXTS } from "./texts.ts";

type Draft<T> = { -readonly [K in keyof T]: T[K] };
type Value = string | null;

/** MAIL's parameters as they were read. */
export interface MailWishes {
  readonly wanted: MailOptions | undefined;
  /** What MT-PRIORITY asked for, where it is more than the client gets. */
  readonly loweredFrom: number | undefined;
}
/** RCPT's. */
export type RecipientWishes = Pick<Recipient, "notify" | "originalRecipient">;

interface MailDraft {
  readonly wanted: Draft<MailOptions>;
  loweredFrom: number | undefined;
  /** Seconds, until it is known from when they count. */
  by: ReturnType<typeof readDeliverBy>;
}

interface Row<D> {
  /** The EHLO keyword that brings it; "" for those that need none. */
  readonly keyword: string;
  /** Puts the value into the draft, or says the reply it deserves. */
  readonly read: (value: Value, draft: D, talk: Dialogue) => Reply | undefined;
}

/** A row whose value is only read and kept. */
function kept<D, T>(
  keyword: string,
  read: (value: Value) => T | undefined,
  keep: (draft: D, value: T) => void,
): Row<D> {
  return {
    keyword,
    read(value, draft) {
      const found = read(value);
      if (found === undefined) return TEXTS.badValue;
      keep(draft, found);
      return undefined;
    },
  };
}

const MAIL_ROWS: { readonly [key: string]: Row<MailDraft> } = {
  SIZE: {
    keyword: "SIZE",
    read(value, _draft, { settings: { limits } }) {
      const octets = readSize(value);
      if (octets === undefined) return TEXTS.badSize;
      // RFC 1870 §6.1
      return limits.dataBytes > 0 && octets > limits.dataBytes ? TEXTS.tooBig : undefined;
    },
  },
  BODY: {
    keyword: "8BITMIME",
    read(value, { wanted }, { listed }) {
      const body = readBody(value);
      // RFC 3030 §3
      if (body === undefined || (body === "BINARYMIME" && !listed.has("BINARYMIME"))) return TEXTS.bodyKind;
      wanted.body = body;
      return undefined;
    },
  },
  SMTPUTF8: { keyword: "SMTPUTF8", read: (value) => isFlag(value) ? undefined : TEXTS.badValue },
  // RFC 4954 §5
  AUTH: { keyword: "", read: (value) => readAuth(value) === undefined ? TEXTS.badValue : undefined },
  RET: kept("DSN", readRet, ({ wanted }, ret) => wanted.ret = ret),
  ENVID: kept("DSN", readEnvelopeId, ({ wanted }, envid) => wanted.envid = envid),
  // RFC 8689 §4.1
  REQUIRETLS: kept("REQUIRETLS", (value) => isFlag(value) || undefined, ({ wanted }) => wanted.requireTls = true),
  "MT-PRIORITY": {
    keyword: "MT-PRIORITY",
    read(value, draft, { session }) {
      const priority = readPriority(value);
      if (priority === undefined) return TEXTS.badValue;
      // RFC 6710 §5.1: who is not trusted gets no more than anybody.
      if (priority > 0 && session.auth === undefined && !session.mayRelay) draft.loweredFrom = priority;
      else if (priority !== 0) draft.wanted.priority = priority;
      return undefined;
    },
  },
  BY: {
    keyword: "DELIVERBY",
    read(value, draft, { settings: { extensions } }) {
      draft.by = readDeliverBy(value);
      if (draft.by === undefined) return TEXTS.badValue;
      // RFC 2852 §4: the least that EHLO told of
      return draft.by.mode === "R" && draft.by.seconds < extensions.deliverByMin ? TEXTS.tooSoon : undefined;
    },
  },
  HOLDFOR: {
    keyword: "FUTURERELEASE",
    read(value, draft, talk) {
      const seconds = readHoldFor(value);
      return seconds === undefined ? TEXTS.badValue : hold(talk, draft, talk.context.clock.now() + seconds * 1000);
    },
  },
  HOLDUNTIL: {
    keyword: "FUTURERELEASE",
    read(value, draft, talk) {
      const at = readHoldUntil(value);
      return at === undefined ? TEXTS.badValue : hold(talk, draft, at);
    },
  },
};

/** RFC 4865 §4, §5: once, ahead of us, no further than EHLO told, and for those who submit. */
function hold({ session, settings, context }: Dialogue, { wanted }: MailDraft, at: number): Reply | undefined {
  const now = context.clock.now();
  if (wanted.holdUntil !== undefined || at < now || at > now + settings.extensions.futureRelease * 1000) {
    return TEXTS.badValue;
  }
  if (!session.mayRelay) return TEXTS.holdRefused;
  wanted.holdUntil = at;
  return undefined;
}

interface RecipientDraft extends Draft<RecipientWishes> {
  readonly utf8: boolean;
}

const RCPT_ROWS: { readonly [key: string]: Row<RecipientDraft> } = {
  NOTIFY: kept("DSN", readNotify, (draft, notify) => draft.notify = notify),
  ORCPT: {
    keyword: "DSN",
    read(value, draft) {
      const found = readOriginalRecipient(value);
      // RFC 6533 §3: UTF-8 as it is goes with SMTPUTF8 only.
      if (found === undefined || (!draft.utf8 && NON_ASCII.test(value!))) return TEXTS.badValue;
      draft.originalRecipient = found;
      return undefined;
    },
  },
};

// deno-lint-ignore no-control-regex
const NON_ASCII = /[^\x00-\x7f]/;
const NO_WISHES: MailWishes = { wanted: undefined, loweredFrom: undefined };

/** A `Reply` is the refusal that the parameters deserve. */
export function readMailWishes(talk: Dialogue, parameters: Parameters): MailWishes | Reply {
  if (parameters.size === 0) return NO_WISHES;
  const draft: MailDraft = { wanted: {}, loweredFrom: undefined, by: undefined };
  const refused = readAll(MAIL_ROWS, talk, parameters, draft);
  if (refused !== undefined) return refused;
  const { wanted, by, loweredFrom } = draft;
  if (by !== undefined) {
    const at = talk.context.clock.now() + by.seconds * 1000;
    // What is to be gone before it may go serves nobody.
    if (wanted.holdUntil !== undefined && by.mode === "R" && at <= wanted.holdUntil) return TEXTS.badValue;
    wanted.deliverBy = { at, mode: by.mode, trace: by.trace };
  }
  return { wanted: isEmpty(wanted) ? undefined : wanted, loweredFrom };
}

/** The same for RCPT. */
export function readRecipientWishes(talk: Dialogue, parameters: Parameters, utf8: boolean): RecipientWishes | Reply {
  if (parameters.size === 0) return {};
  const draft: RecipientDraft = { utf8 };
  const refused = readAll(RCPT_ROWS, talk, parameters, draft);
  if (refused !== undefined) return refused;
  const { utf8: _, ...wishes } = draft;
  return wishes;
}

function readAll<D>(
  rows: { readonly [key: string]: Row<D> },
  talk: Dialogue,
  parameters: Parameters,
  draft: D,
): Reply | undefined {
  if (talk.session.hello?.verb !== "EHLO") return TEXTS.parameters;
  for (const [key, value] of parameters) {
    const row = Object.hasOwn(rows, key) ? rows[key] : undefined;
    if (row === undefined ? !talk.listed.has(key) : row.keyword !== "" && !talk.listed.has(row.keyword)) {
      return TEXTS.parameters;
    }
    const refused = row?.read(value, draft, talk);
    if (refused !== undefined) return refused;
  }
  return undefined;
}

export function isReply(found: MailWishes | RecipientWishes | Reply): found is Reply {
  return "code" in found;
}

function isEmpty(wanted: object): boolean {
  for (const _ in wanted) return false;
  return true;
}
