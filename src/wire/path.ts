/**
 * Envelope paths: what stands behind `MAIL FROM:` and `RCPT TO:` (RFC 5321 §4.1.2).
 *
 * A path of plain ASCII words goes a fast way of our own; quoted local parts, address literals, source routes, UTF-8 and the like are
 * decided by `address-rfc2821`. Both give the same answers (a test holds them to it). Nothing throws.
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
// deno-lint-ignore no-control-regex
const NON_ASCII = /[^\x00-\x7f]/;
/** All that a plain path cannot decide for itself: quotes, literals, source routes, UTF-8, and the two paths without a domain. */
const NEEDS_GRAMMAR = /["[\u0080-\uffff]|^<?@|^<?(?:postmaster)?>?$/i;
const encoder = new TextEncoder();

const DOT = 46;
const HYPHEN = 45;
const AT = 64;
const OPEN = 60;
const CLOSE = 62;

/** Reads one path, in angle brackets or bare. `undefined`: it is none. */
export function parsePath(text: string): PathParts | undefined {
  return parsePlainPath(text) ?? (NEEDS_GRAMMAR.test(text) ? parseAnyPath(text) : undefined);
}

/** The fast way: `<dot-atom@dot.separated.labels>`, all ASCII. `undefined`: it is not of this kind. */
export function parsePlainPath(text: string): PathParts | undefined {
  const length = text.length;
  const bracketed = text.charCodeAt(0) === OPEN;
  const from = bracketed ? 1 : 0;
  const to = bracketed ? length - 1 : length;
  if (length > PATH_LIMITS.path || (bracketed && text.charCodeAt(to) !== CLOSE)) return undefined;
  const at = endOfAtoms(text, from, to);
  if (at < 0 || at - from > PATH_LIMITS.local || to - at - 1 > PATH_LIMITS.domain || !isDomain(text, at + 1, to)) {
    return undefined;
  }
  return {
    original: bracketed ? text.slice(1, to) : text,
    user: text.slice(from, at),
    host: text.slice(at + 1, to),
    isUtf8: false,
  };
}

/** Index of the `@` behind a dot-atom that begins at `from`, or -1. */
function endOfAtoms(text: string, from: number, to: number): number {
  let last = DOT;
  for (let i = from; i < to; i++) {
    const code = text.charCodeAt(i);
    if (code === AT) return last === DOT ? -1 : i;
    if (code === DOT ? last === DOT : (classOf(code) & ATEXT) === 0) return -1;
    last = code;
  }
  return -1;
}

function isDomain(text: string, from: number, to: number): boolean {
  let last = DOT;
  for (let i = from; i < to; i++) {
    const code = text.charCodeAt(i);
    if (code === DOT) {
      if (last === DOT || last === HYPHEN) return false;
    } else if ((classOf(code) & (last === DOT ? ALNUM : LDH)) === 0) return false;
    last = code;
  }
  return last !== DOT && last !== HYPHEN;
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
  const host = parsed.original_host ?? "";
  // The grammar lets a literal of unknown kind hold these; the next hop's parser would trip over them.
  if (/[<>@]/.test(host)) return undefined;
  return { original: bare, user: unquote(parsed.user), host, isUtf8: NON_ASCII.test(bare) };
}

/** RFC 5321 §4.1.2 Quoted-string: the quotes and the backslashes are not part of the name. */
function unquote(local: string): string {
  return local.startsWith('"') ? local.slice(1, -1).replace(/\\(.)/gs, "$1") : local;
}
