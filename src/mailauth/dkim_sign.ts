/**
 * Signs a message for a domain (RFC 6376, 8463): the value of a DKIM-Signature field to be put in front.
 *
 * The message is read once and not changed. Throws a TypeError for a message without From, and for names that cannot stand in a
 * signature.
 */
import { type Bytes, latin1Encode } from "../base/bytes.ts";
import type { Message } from "../mail/message.ts";
import type { DkimKey } from "./dkim_key.ts";
import { type BodyForm, hashMessage } from "./hash_message.ts";
import { fieldsOf, relaxed, type SignedField } from "./relaxed.ts";

/** RFC 6376 §5.4.1, as the original's settings have it. */
export const SIGNED_HEADERS: readonly string[] = [
  "From",
  "Sender",
  "Reply-To",
  "Subject",
  "Date",
  "Message-ID",
  "To",
  "Cc",
  "MIME-Version",
  "Content-Type",
  "Content-Transfer-Encoding",
  "List-Unsubscribe",
  "List-Unsubscribe-Post",
];

export interface SignOptions {
  readonly key: DkimKey;
  readonly domain: string;
  readonly selector: string;
  /** Fields to be signed, each as often as it stands in the message. From always is. Default {@linkcode SIGNED_HEADERS}. */
  readonly headers?: readonly string[];
  /** How the body is hashed. Default "simple". */
  readonly body?: BodyForm;
  readonly signal?: AbortSignal;
}

export async function signDkim(message: Message, options: SignOptions): Promise<string> {
  const { key, body = "simple", signal } = options;
  const { header, bodyHash } = await hashMessage(message.open(), body, signal);
  const signed = chosen(fieldsOf(header), options.headers ?? SIGNED_HEADERS);
  const tags = [
    `v=1; a=${key.algorithm}; c=relaxed/${body}; d=${tagName(options.domain)}; s=${tagName(options.selector)}`,
    `h=${namesOf(signed)}`,
    `bh=${bodyHash}`,
  ];
  return await signatureField("DKIM-Signature", tags, signed.map(({ line }) => relaxed(line)), key, signal);
}

/** The tags, then `b=` with the signature over `lines` and the field itself (RFC 6376 §3.7). */
export async function signatureField(
  name: string,
  tags: readonly string[],
  lines: readonly string[],
  key: DkimKey,
  signal?: AbortSignal,
): Promise<string> {
  const value = `${tags.join(";\r\n\t")};\r\n\tb=`;
  const data: Bytes = latin1Encode([...lines, relaxed(`${name}: ${value}`)].join("\r\n"));
  return value + (await key.sign(data, signal)).match(/.{1,72}/g)!.join("\r\n\t");
}

/** RFC 6376 §5.4.2: of fields that stand there more than once the last comes first. */
export function chosen(fields: readonly SignedField[], names: readonly string[]): SignedField[] {
  const wanted = new Set(["from", ...names.map((name) => name.trim().toLowerCase())]);
  const found = [...wanted].flatMap((key) => fields.filter((field) => field.key === key).reverse());
  if (found[0]?.key !== "from") throw new TypeError("Cannot sign this message: it has no From field");
  return found;
}

/** d= and s= are DNS names (RFC 6376 §3.5); anything else could end the tag. */
export function tagName(name: string): string {
  if (!/^[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?$/.test(name)) {
    throw new TypeError(`Cannot sign with this name: current value is ${JSON.stringify(name)}; wanted a DNS name`);
  }
  return name;
}

/** h=, broken behind colons (RFC 6376 §3.5) so that lines stay below 78 columns. */
export function namesOf(fields: readonly SignedField[]): string {
  let out = "";
  let width = 0;
  for (const { name } of fields) {
    if (out !== "") out += ":";
    if (width > 0 && width + name.length > 70) {
      out += "\r\n\t";
      width = 0;
    }
    out += name;
    width += name.length + 1;
  }
  return out;
}
