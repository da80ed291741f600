/**
 * ESMTP parameters of MAIL and RCPT (RFC 5321 §4.1.2, §4.1.1.11): text to map and back, and the forms of the values we know.
 *
 * Which parameters are welcome is the session's affair; what a value may look like is said here. Nothing throws.
 */
import { ALNUM, classOf, LDH } from "./chars.ts";
import { decodeXtext } from "./xtext.ts";

/** Upper-case key; value as sent, `null` when it had none. */
export type Parameters = ReadonlyMap<string, string | null>;

export const NO_PARAMETERS: Parameters = new Map();

const SPACE = 32;
const EQUALS = 61;

/**
 * Reads what stands behind the path: `KEY[=value]`, separated by spaces, beginning at `from`. `undefined`: malformed, or a key stands
 * there twice.
 */
export function parseParameters(text: string, from = 0): Parameters | undefined {
  const end = text.length;
  let found: Map<string, string | null> | undefined;
  let i = from;
  for (;;) {
    while (i < end && text.charCodeAt(i) === SPACE) i++;
    if (i === end) return found ?? NO_PARAMETERS;
    const start = i;
    if ((classOf(text.charCodeAt(i)) & ALNUM) === 0) return undefined;
    while (i < end && (classOf(text.charCodeAt(i)) & LDH) !== 0) i++;
    const key = text.slice(start, i).toUpperCase();
    let value: string | null = null;
    if (i < end && text.charCodeAt(i) === EQUALS) {
      const begin = ++i;
      while (i < end && isValue(text.charCodeAt(i))) i++;
      if (i === begin) return undefined;
      value = text.slice(begin, i);
    }
    if (i < end && text.charCodeAt(i) !== SPACE) return undefined;
    found ??= new Map();
    if (found.has(key)) return undefined;
    found.set(key, value);
  }
}

/** ` KEY=value KEY`, with a space before each, ready to stand behind a path; "" when there are none. */
export function formatParameters(parameters: Parameters): string {
  let text = "";
  for (const [key, value] of parameters) text += value === null ? ` ${key}` : ` ${key}=${value}`;
  return text;
}

/** RFC 1870 §3: up to 20 digits. `undefined`: not a size. Sizes beyond 2^53 come out as the nearest number. */
export function readSize(value: string | null): number | undefined {
  return value !== null && /^[0-9]{1,20}$/.test(value) ? Number(value) : undefined;
}

/** RFC 6152, RFC 3030. `undefined`: none of them. */
export function readBody(value: string | null): "7BIT" | "8BITMIME" | "BINARYMIME" | undefined {
  const body = value?.toUpperCase();
  return body === "7BIT" || body === "8BITMIME" || body === "BINARYMIME" ? body : undefined;
}

/** RFC 6531 §3.4: SMTPUTF8 takes no value. */
export function isFlag(value: string | null): boolean {
  return value === null;
}

/** RFC 4954 §5: the xtext of a mailbox, or `<>` for "unknown". `undefined`: not xtext. */
export function readAuth(value: string | null): string | undefined {
  return value === null ? undefined : value === "<>" ? "" : decodeXtext(value);
}

/** esmtp-value: no control character, no space, no "="; UTF-8 by RFC 6531 §3.3. */
function isValue(code: number): boolean {
  return code > SPACE && code !== EQUALS && code !== 127;
}
