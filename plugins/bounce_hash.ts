/**
 * The keyed hash by which we know our own mail again when it comes back.
 *
 * Outgoing mail carries the HMAC of its From, Date and Message-ID in a header; a bounce quotes that header along with the three.
 */
import type { BounceSettings } from "./bounce_ini.ts";
import { type Bytes, everyPart, type Header, parseDate, parseHeader, type Part, utf8Encode } from "kasi";

export const HASH_FIELD = "X-Haraka-Bounce-Validation";
const SIGNED = ["From", "Date", "Message-ID"];
const DAY_MS = 86_400_000;
const SHORTEST_SECRET = 32;

const ALGORITHMS: { readonly [name: string]: string } = {
  sha1: "SHA-1",
  sha256: "SHA-256",
  sha384: "SHA-384",
  sha512: "SHA-512",
};

/** The key as the settings have it, or why there is none. */
export function hashKey(
  { validation }: BounceSettings,
): { readonly key: Promise<CryptoKey> } | { readonly wrong: string } {
  const hash = ALGORITHMS[validation.hash_algorithm.toLowerCase().replace("-", "")];
  if (hash === undefined) return { wrong: `hash_algorithm ${JSON.stringify(validation.hash_algorithm)} is not known` };
  const { secret } = validation;
  if (secret === undefined) return { wrong: "there is no secret" };
  if (secret.length < SHORTEST_SECRET) return { wrong: `the secret has less than ${SHORTEST_SECRET} characters` };
  return { key: crypto.subtle.importKey("raw", utf8Encode(secret), { name: "HMAC", hash }, false, ["sign", "verify"]) };
}

/** The hash of a header in hex; undefined when it lacks one of the three fields. */
export async function hashOf(header: Header, key: CryptoKey): Promise<string | undefined> {
  const text = signedText(header);
  if (text === undefined) return undefined;
  const octets = new Uint8Array(await crypto.subtle.sign("HMAC", key, text));
  return [...octets].map((octet) => octet.toString(16).padStart(2, "0")).join("");
}

/** What the quoted header of a bounce says of the hash. */
export type HashFinding =
  /** Nothing of our four fields is quoted. */
  | { readonly kind: "nothing" }
  | { readonly kind: "good"; readonly ageDays: number }
  | { readonly kind: "bad" }
  /** The three fields without a hash: mail that we have not sent, or not signed. */
  | { readonly kind: "unsigned"; readonly from: string };

export async function checkHash(bounce: Part, key: CryptoKey, now: number): Promise<HashFinding> {
  const header = quotedHeader(bounce);
  if (header === undefined) return { kind: "nothing" };
  const hash = header.get(HASH_FIELD);
  const text = signedText(header);
  if (hash === undefined) {
    return text === undefined ? { kind: "nothing" } : { kind: "unsigned", from: header.getDecoded("From") ?? "" };
  }
  const octets = fromHex(hash);
  if (text === undefined || octets === undefined) return { kind: "bad" };
  if (!await crypto.subtle.verify("HMAC", key, octets, text)) return { kind: "bad" };
  const sent = parseDate(header.get("Date") ?? "");
  return { kind: "good", ageDays: sent === undefined ? Infinity : Math.floor((now - sent) / DAY_MS) };
}

/** Our four fields as the first part that has any of them quotes them. */
function quotedHeader(bounce: Part): Header | undefined {
  for (const part of everyPart(bounce)) {
    const text = part.text();
    const lines = [...SIGNED, HASH_FIELD].flatMap((field) => {
      const found = new RegExp(`^${field}:.*(?:\\r?\\n[ \\t].*)*`, "im").exec(text);
      return found === null ? [] : `${found[0].trimEnd()}\r\n`;
    });
    if (lines.length > 0) return parseHeader(lines.join(""));
  }
}

function signedText(header: Header): Bytes | undefined {
  const values = SIGNED.flatMap((field) => header.getDecoded(field) ?? []);
  return values.length === SIGNED.length ? utf8Encode(values.join(":")) : undefined;
}

function fromHex(text: string): Bytes | undefined {
  if (!/^(?:[0-9a-f]{2})+$/i.test(text)) return undefined;
  return Uint8Array.from(text.match(/../g)!, (pair) => parseInt(pair, 16));
}
