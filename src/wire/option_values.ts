/**
 * The values of MAIL's and RCPT's parameters that say what a sender wants beside the transport: DSN (RFC 3461), MT-PRIORITY (RFC 6710),
 * BY (RFC 2852), HOLDFOR and HOLDUNTIL (RFC 4865), as text and back.
 *
 * Form only: whether a time is too far off or a priority too high is the session's affair. `undefined`: malformed. Nothing throws.
 */
import { decodeUtf8Address, decodeXtext, encodeUtf8Address, encodeXtext } from "./xtext.ts";

const NOTIFY = ["NEVER", "SUCCESS", "FAILURE", "DELAY"] as const;
type Notify = typeof NOTIFY[number];

/** RFC 3461 §4.1: `NEVER`, or a list of the others, each once. */
export function readNotify(value: string | null): readonly Notify[] | undefined {
  const words = value?.toUpperCase().split(",") ?? [];
  const found: Notify[] = [];
  for (const word of words) {
    const known = NOTIFY.find((one) => one === word);
    if (known === undefined || found.includes(known)) return undefined;
    found.push(known);
  }
  return found.length === 0 || (found.length > 1 && found.includes("NEVER")) ? undefined : found;
}

/** RFC 3461 §4.2. */
export interface OriginalRecipient {
  /** As typed, e.g. `rfc822`. */
  readonly type: string;
  /** Decoded. */
  readonly address: string;
}

/** Octets of the parameter, `ORCPT=` included. */
const LONGEST_ORCPT = 500;
// deno-lint-ignore no-control-regex
const CONTROL = /[\x00-\x1f\x7f]/;

/** RFC 3461 §4.2, RFC 6533 §3: an address type and its address, as xtext or in one of the forms for UTF-8. */
export function readOriginalRecipient(value: string | null): OriginalRecipient | undefined {
  const [, type, text] = /^([!-:<-~]+);(.+)$/s.exec(value ?? "") ?? [];
  if (type === undefined || text === undefined || "ORCPT=".length + value!.length > LONGEST_ORCPT) return undefined;
  const address = type.toLowerCase() === "utf-8" ? decodeUtf8Address(text) : decodeXtext(text);
  // Goes into a field of a report: nothing of it may end a line there.
  return address === undefined || CONTROL.test(address) ? undefined : { type, address };
}

/** With `utf8` an address of the type utf-8 as it is; else in ASCII. */
export function formatOriginalRecipient({ type, address }: OriginalRecipient, utf8: boolean): string {
  if (type.toLowerCase() !== "utf-8") return `${type};${encodeXtext(address)}`;
  // What stands for itself in ASCII has its escapes in UTF-8 as well.
  const plain = utf8 ? address.replace(/[ +=\\]/g, (char) => encodeUtf8Address(char)) : encodeUtf8Address(address);
  return `${type};${plain}`;
}

/** RFC 3461 §4.3. */
export function readRet(value: string | null): "FULL" | "HDRS" | undefined {
  const ret = value?.toUpperCase();
  return ret === "FULL" || ret === "HDRS" ? ret : undefined;
}

/** RFC 3461 §4.4: xtext of at most 100 octets that holds printable ASCII. */
export function readEnvelopeId(value: string | null): string | undefined {
  if (value === null || value.length > 100) return undefined;
  const id = decodeXtext(value);
  return id !== undefined && /^[ -~]+$/.test(id) ? id : undefined;
}

/** RFC 6710 §3: -9 to 9, no sign before 0 and no plus. */
export function readPriority(value: string | null): number | undefined {
  return value !== null && /^(?:-?[1-9]|0)$/.test(value) ? Number(value) : undefined;
}

export interface DeliverBy {
  /** Seconds from now; in mode N it may have passed. */
  readonly seconds: number;
  readonly mode: "R" | "N";
  readonly trace: boolean;
}

/** RFC 2852 §4: `seconds;R` or `;N`, a `T` behind it. */
export function readDeliverBy(value: string | null): DeliverBy | undefined {
  const [, seconds, mode, trace] = /^([+-]?\d{1,9});([RN])(T?)$/i.exec(value ?? "") ?? [];
  if (seconds === undefined) return undefined;
  const by = { seconds: Number(seconds), mode: mode!.toUpperCase() as "R" | "N", trace: trace !== "" };
  // §4.1.1: what is to be returned has to have some time.
  return by.mode === "R" && by.seconds <= 0 ? undefined : by;
}

export function formatDeliverBy({ seconds, mode, trace }: DeliverBy): string {
  return `${seconds};${mode}${trace ? "T" : ""}`;
}

/** RFC 4865 §4: seconds. */
export function readHoldFor(value: string | null): number | undefined {
  return value !== null && /^\d{1,9}$/.test(value) && Number(value) > 0 ? Number(value) : undefined;
}

/** RFC 4865 §4 with its erratum 2040: RFC 3339 §5.6 date-time; epoch milliseconds. */
export function readHoldUntil(value: string | null): number | undefined {
  const date = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?)(Z|[+-]\d\d:\d\d)$/i.exec(value ?? "");
  if (date === null) return undefined;
  const at = Date.parse(date[0].toUpperCase());
  if (Number.isNaN(at)) return undefined;
  // The parser takes the 31st of February for a day of March.
  const day = new Date(Date.parse(`${date[1]!.toUpperCase()}Z`)).toISOString().slice(0, 10);
  return day === date[1]!.slice(0, 10) ? at : undefined;
}
