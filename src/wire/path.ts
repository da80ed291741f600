/**
 * Envelope paths: what stands behind `MAIL FROM:` and `RCPT TO:` (RFC 5321 §4.1.2).
 *
 * A path of plain ASCII words goes a fast way of our own; quoted local parts, address literals, source routes, UTF-8 and everything
 * doubtful are decided by `address-rfc2821`. Both give the same answers (a test holds them to it). Nothing throws.
 */
import { Address } from "address-rfc2821";
import { ALNUM, ATEXT, classOf, LDH } from "./chars.ts";

export interface PathParts {
  /** As it came, without the angle brackets. "" for the null path. */
  readonly original: string;
  /** Local part, unquoted. "" for the null path. */
  readonly user: string;
  /** Domain or address literal as typed, without a source route; "" for `<>` and `<postmaster>`. */
  readonly host: string;
  /** Whether a character beyond ASCII stands in it. */
  readonly isUtf8: boolean;
}

/** Octets, RFC 5321 §4.5.3.1.1 to §4.5.3.1.3. The path's includes its angle brackets. */
export const PATH_LIMITS = { path: 256, local: 64, domain: 255 } as const;

const NULL_PATH: PathParts = { original: "", user: "", host: "", isUtf8: false };
const NON_ASCII = /[^\x00-\x7f]/;
const encoder = new TextEncoder();

/** Reads one path, in angle brackets or bare. `undefined`: it is none. */
export function parsePath(text: string): PathParts | undefined {
  return parsePlainPath(text) ?? parseAnyPath(text);
}

/** The fast way: `<dot-atom@dot.separated.labels>`, all ASCII. `undefined` says only that it is not of this kind. */
export function parsePlainPath(text: string): PathParts | undefined {
  const length = text.length;
  const bracketed = text.charCodeAt(0) === 60;
  const from = bracketed ? 1 : 0;
  const to = bracketed ? length - 1 : length;
  if (length > PATH_LIMITS.path || (bracketed && text.charCodeAt(to) !== 62)) return undefined;
  if (to <= from) return bracketed && length === 2 ? NULL_PATH : undefined;
  let i = from;
  let last = 46;
  let code = 0;
  for (; i < to; i++) {
    code = text.charCodeAt(i);
    if (code === 64) break;
    if (code === 46 ? last === 46 : (classOf(code) & ATEXT) === 0) return undefined;
    last = code;
  }
  const at = i;
  if (at === to || last === 46 || at - from > PATH_LIMITS.local || to - at - 1 > PATH_LIMITS.domain) return undefined;
  last = 46;
  for (i = at + 1; i < to; i++) {
    code = text.charCodeAt(i);
    if (code === 46) {
      if (last === 46 || last === 45) return undefined;
    } else if ((classOf(code) & (last === 46 ? ALNUM : LDH)) === 0) return undefined;
    last = code;
  }
  if (last === 46 || last === 45) return undefined;
  return {
    original: bracketed ? text.slice(1, to) : text,
    user: text.slice(from, at),
    host: text.slice(at + 1, to),
    isUtf8: false,
  };
}

/** The thorough way. */
export function parseAnyPath(text: string): PathParts | undefined {
  if (text === "" || text === "<>") return NULL_PATH;
  // Cheap looks first: the grammar takes time, and it stops at half surrogates and such.
  if (text.length > PATH_LIMITS.path || encoder.encode(text).length > PATH_LIMITS.path || !text.isWellFormed()) {
    return undefined;
  }
  const bare = /^<(.*)>$/s.exec(text)?.[1] ?? text;
  if (/^postmaster$/i.test(bare)) return { original: bare, user: bare, host: "", isUtf8: false };
  let parsed: Address;
  try {
    parsed = new Address(text);
  } catch {
    return undefined;
  }
  return { original: bare, user: unquote(parsed.user), host: parsed.original_host ?? "", isUtf8: NON_ASCII.test(bare) };
}

/** RFC 5321 §4.1.2 Quoted-string: the quotes and the backslashes are not part of the name. */
function unquote(local: string): string {
  return local.startsWith('"') ? local.slice(1, -1).replace(/\\(.)/gs, "$1") : local;
}
