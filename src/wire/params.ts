/**
 * ESMTP parameters of MAIL and RCPT (RFC 5321 §4.1.2, §4.1.1.11): text to map and back, and the forms of the values we know.
 *
 * Which parameters are welcome is the session's affair; what a value may look like is said here. Nothing throws.
 */
import { decodeXtext } from "./xtext.ts";

/** Upper-case key; value as sent, `null` when it had none. */
export type Parameters = ReadonlyMap<string, string | null>;

export const NO_PARAMETERS: Parameters = new Map();

const PARAMETER = /^([A-Za-z0-9][A-Za-z0-9-]*)(?:=([^\x00-\x20=\x7f]+))?$/;

/** Reads what stands behind the path: `KEY[=value]`, separated by spaces. `undefined`: malformed, or a key stands there twice. */
export function parseParameters(text: string): Parameters | undefined {
  let found: Map<string, string | null> | undefined;
  for (const word of text.split(" ")) {
    if (word === "") continue;
    const match = PARAMETER.exec(word);
    if (match === null) return undefined;
    const key = match[1]!.toUpperCase();
    found ??= new Map();
    if (found.has(key)) return undefined;
    found.set(key, match[2] ?? null);
  }
  return found ?? NO_PARAMETERS;
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
