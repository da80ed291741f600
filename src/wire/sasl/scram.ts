/**
 * SCRAM-SHA-256 (RFC 5802, RFC 7677) as text: its four messages read and written, the proof checked, the signature made.
 *
 * Pure: who talks to whom is the session's. Whatever is not of the form comes back as `undefined`.
 */
import { type Bytes, concat, equalBytes, utf8Decode, utf8Encode } from "../../base/bytes.ts";
import { decodeBase64, encodeBase64 } from "../base64.ts";
import { decodeName } from "./name.ts";
import { hmac, type ScramKeys, sha256 } from "./scram_keys.ts";

/** RFC 5802 §6. `n`: the client knows no channel binding. `y`: it does and believes the server does not. Else the kind it uses. */
export type BindingFlag = "n" | "y" | { readonly kind: string };

export interface ClientFirst {
  readonly flag: BindingFlag;
  /** As whom to act; "" for as oneself. */
  readonly authzid: string;
  readonly user: string;
  readonly nonce: string;
  /** Everything up to and with the second comma. */
  readonly gs2Header: string;
  /** The message without it. */
  readonly bare: string;
}

export interface ClientFinal {
  /** What the client says of header and channel. */
  readonly binding: Bytes;
  readonly nonce: string;
  readonly proof: Bytes;
  /** The message up to the proof. */
  readonly withoutProof: string;
}

/** RFC 5802 §7: printable and no comma. */
const NONCE = "[!-+\\--~]+";
const CLIENT_FIRST = new RegExp(
  `^((n|y|p=([A-Za-z0-9.-]+)),(?:a=([^\\0,]+))?,)(n=([^\\0,]+),r=(${NONCE})(?:,[A-Za-z]=[^\\0,]+)*)$`,
);
const CLIENT_FINAL = new RegExp(
  `^(c=([A-Za-z0-9+/=]+),r=(${NONCE})(?:,[A-Za-z]=[^\\0,]+)*),p=([A-Za-z0-9+/=]+)$`,
);

/** The `m=` of a mandatory extension is none of the form: we know no extension (§5.1). */
export function parseClientFirst(text: string): ClientFirst | undefined {
  const found = CLIENT_FIRST.exec(text);
  if (found === null) return undefined;
  const [, gs2Header, flag, kind, authzid, bare, name, nonce] = found;
  const [user, as] = [decodeName(name!), authzid === undefined ? "" : decodeName(authzid)];
  if (user === undefined || as === undefined) return undefined;
  return {
    flag: kind === undefined ? flag as "n" | "y" : { kind },
    authzid: as,
    user,
    nonce: nonce!,
    gs2Header: gs2Header!,
    bare: bare!,
  };
}

export function parseClientFinal(text: string): ClientFinal | undefined {
  const found = CLIENT_FINAL.exec(text);
  if (found === null) return undefined;
  const [binding, proof] = [decodeBase64(found[2]!), decodeBase64(found[4]!)];
  if (binding === undefined || proof?.length !== 32) return undefined;
  return { binding, nonce: found[3]!, proof, withoutProof: found[1]! };
}

export function formatServerFirst(nonce: string, { salt, iterations }: Pick<ScramKeys, "salt" | "iterations">): string {
  return `r=${nonce},s=${encodeBase64(salt)},i=${iterations}`;
}

/** What both sides sign (§3). */
export function authMessage(first: ClientFirst, serverFirst: string, final: ClientFinal): Bytes {
  return utf8Encode(`${first.bare},${serverFirst},${final.withoutProof}`);
}

/** Whether the client repeats its own header and the channel it is bound to, if any (§6). */
export function bindsTo(final: ClientFinal, first: ClientFirst, channel: Bytes | undefined): boolean {
  const header = utf8Encode(first.gs2Header);
  const wanted = typeof first.flag === "string"
    ? header
    : channel === undefined
    ? undefined
    : concat([header, channel]);
  return wanted !== undefined && equalBytes(final.binding, wanted);
}

/** Whether whoever made the proof has the password (§3): H(proof ⊕ HMAC(StoredKey, message)) is the StoredKey. */
export async function proves(proof: Bytes, { storedKey }: Pick<ScramKeys, "storedKey">, message: Bytes) {
  const signature = await hmac(storedKey, message);
  return await sameDigest(await sha256(xor(proof, signature)), storedKey);
}

/** The last word: that the server knows the user's keys too. */
export async function formatServerFinal({ serverKey }: Pick<ScramKeys, "serverKey">, message: Bytes): Promise<string> {
  return `v=${encodeBase64(await hmac(serverKey, message))}`;
}

export function xor(a: Bytes, b: Bytes): Bytes {
  return a.map((octet, i) => octet ^ (b[i] ?? 0));
}

/** In a time that tells nothing of where they differ: both are hashed under a key of the moment first. */
async function sameDigest(a: Bytes, b: Bytes): Promise<boolean> {
  const key = crypto.getRandomValues(new Uint8Array(32));
  return equalBytes(await hmac(key, a), await hmac(key, b));
}

/** A message as it came over the wire; `undefined` for octets that are no UTF-8. */
export function textOf(octets: Uint8Array): string | undefined {
  const text = utf8Decode(octets);
  return text.includes("\ufffd") ? undefined : text;
}
