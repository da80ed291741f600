/**
 * The arguments of MAIL and RCPT: keyword, path, ESMTP parameters (RFC 5321 §4.1.1.2, §4.1.1.3).
 *
 * Tolerant reading takes spaces around the colon, a bare address, and a missing one in MAIL for `<>`; strict reading wants RFC 1869's
 * form to the letter. What is wrong comes back as the reply it deserves.
 */
import { NO_PARAMETERS, type Parameters, parseParameters } from "./params.ts";
import { parsePath, type PathParts } from "./path.ts";
import type { Reply } from "./reply.ts";

export interface TargetOptions {
  /** `strict_rfc1869`: no space around the colon, the path in angle brackets. */
  readonly strict: boolean;
  /** Whether an address may hold UTF-8 (RFC 6531). */
  readonly smtpUtf8: boolean;
}

export interface Target {
  readonly path: PathParts;
  readonly parameters: Parameters;
}

export interface TargetFault {
  readonly reply: Reply;
  readonly reason: string;
}

const KINDS = {
  MAIL: { keyword: "FROM", bad: "Invalid MAIL FROM address", status: "5.1.7" },
  RCPT: { keyword: "TO", bad: "Invalid RCPT TO address", status: "5.1.3" },
} as const;

const SPACE = 32;
const QUOTE = 34;
const COLON = 58;
const OPEN = 60;
const CLOSE = 62;
const BACKSLASH = 92;

/** Reads what stood behind the verb; no spaces around it. */
export function parseTarget(verb: "MAIL" | "RCPT", text: string, options: TargetOptions): Target | TargetFault {
  const { keyword, bad, status } = KINDS[verb];
  const { strict } = options;
  let at = keyword.length;
  const typed = text.slice(0, at);
  if (typed !== keyword && typed.toUpperCase() !== keyword) return unreadable(`${keyword}: expected`);
  if (!strict) at = skipSpaces(text, at);
  if (text.charCodeAt(at) !== COLON) return unreadable(`colon expected after ${keyword}`);
  at++;
  if (!strict) at = skipSpaces(text, at);

  const bracketed = text.charCodeAt(at) === OPEN;
  if (strict && !bracketed) return unreadable("address must be in angle brackets");
  const end = bracketed ? closingBracket(text, at) : nextSpace(text, at);
  if (end < 0) return unreadable("address without its closing bracket");
  if (end < text.length && text.charCodeAt(end) !== SPACE) return unreadable("space expected after the address");

  const path = parsePath(text.slice(at, end));
  if (path === undefined) {
    return { reply: { code: 501, enhanced: status, text: bad }, reason: "the address does not parse" };
  }
  if (verb === "RCPT" && path.user === "" && path.host === "") {
    return { reply: { code: 501, enhanced: status, text: bad }, reason: "a recipient must have an address" };
  }
  if (path.isUtf8 && !options.smtpUtf8) {
    // RFC 6531 §3.5
    return {
      reply: { code: 553, enhanced: "5.6.7", text: "Non-ASCII addresses are not permitted" },
      reason: "UTF-8 in the address",
    };
  }
  if (end === text.length) return { path, parameters: NO_PARAMETERS };
  const parameters = parseParameters(text, end);
  return parameters === undefined ? unreadable("malformed or repeated parameter") : { path, parameters };
}

function unreadable(reason: string): TargetFault {
  return {
    reply: { code: 501, enhanced: "5.5.4", text: ["Command parsing failed", `Syntax error: ${reason}`] },
    reason,
  };
}

function skipSpaces(text: string, from: number): number {
  let at = from;
  while (text.charCodeAt(at) === SPACE) at++;
  return at;
}

/** Index behind the `>` that ends the path beginning at `from`, or -1. A `>` in a quoted local part ends nothing. */
function closingBracket(text: string, from: number): number {
  let quoted = false;
  for (let i = from + 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) quoted = !quoted;
    else if (quoted) {
      if (code === BACKSLASH) i++;
    } else if (code === CLOSE) return i + 1;
  }
  return -1;
}

/** Index of the space that ends the bare address beginning at `from`. A space in a quoted local part ends nothing. */
function nextSpace(text: string, from: number): number {
  let quoted = false;
  for (let i = from; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) quoted = !quoted;
    else if (quoted) {
      if (code === BACKSLASH) i++;
    } else if (code === SPACE) return i;
  }
  return text.length;
}
