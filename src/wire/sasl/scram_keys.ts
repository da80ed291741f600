/**
 * What a server keeps of a SCRAM-SHA-256 password (RFC 5802 §3): enough to check a proof, not enough to give one.
 *
 * Written as PostgreSQL writes it, `SCRAM-SHA-256$4096:SALT$STORED:SERVER`; Dovecot's `{SCRAM-SHA-256}4096,SALT,STORED,SERVER` is read too.
 */
import { type Bytes, utf8Encode } from "../../base/bytes.ts";
import { decodeBase64, encodeBase64 } from "../base64.ts";
import { prepared } from "./prep.ts";

export interface ScramKeys {
  readonly iterations: number;
  readonly salt: Bytes;
  /** H(ClientKey): 32 octets. */
  readonly storedKey: Bytes;
  /** What signs the server's last word: 32 octets. */
  readonly serverKey: Bytes;
}

/** RFC 7677 §4 wants at least so many. */
export const LEAST_ITERATIONS = 4096;
/** Beyond it a client would be kept busy for minutes. */
export const MOST_ITERATIONS = 10_000_000;
export const SALT_OCTETS = 16;

const FORMS = [
  /^SCRAM-SHA-256\$(\d{1,8}):([^$:]+)\$([^$:]+):([^$:]+)$/,
  /^\{SCRAM-SHA-256\}(\d{1,8}),([^,]+),([^,]+),([^,]+)$/,
];

/** Whether the text means to be stored keys, well-formed or not. */
export function looksLikeScramKeys(text: string): boolean {
  return text.startsWith("SCRAM-SHA-256$") || text.startsWith("{SCRAM-SHA-256}");
}

/** `undefined`: not of the form. */
export function parseScramKeys(text: string): ScramKeys | undefined {
  const found = FORMS.map((form) => form.exec(text)).find((match) => match !== null);
  if (!found) return undefined;
  const [, count, ...encoded] = found;
  const iterations = Number(count);
  const [salt, storedKey, serverKey] = encoded.map(decodeBase64);
  if (iterations < 1 || iterations > MOST_ITERATIONS || !salt?.length) return undefined;
  if (storedKey?.length !== 32 || serverKey?.length !== 32) return undefined;
  return { iterations, salt, storedKey, serverKey };
}

export function formatScramKeys({ iterations, salt, storedKey, serverKey }: ScramKeys): string {
  const [s, stored, server] = [salt, storedKey, serverKey].map(encodeBase64);
  return `SCRAM-SHA-256$${iterations}:${s}$${stored}:${server}`;
}

/** The keys of a password (RFC 5802 §3); the work is `iterations` HMACs, done by the runtime off the thread. */
export async function deriveScramKeys(password: string, salt: Bytes, iterations: number): Promise<ScramKeys> {
  const { storedKey, serverKey } = await clientKeys(password, salt, iterations);
  return { iterations, salt, storedKey, serverKey };
}

/** A client's side of it: with the ClientKey, that no server keeps. */
export async function clientKeys(password: string, salt: Bytes, iterations: number) {
  const secret = await crypto.subtle.importKey("raw", utf8Encode(prepared(password)), "PBKDF2", false, ["deriveBits"]);
  const salted = await crypto.subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt, iterations }, secret, 256);
  const saltedPassword = new Uint8Array(salted);
  const clientKey = await hmac(saltedPassword, utf8Encode("Client Key"));
  return {
    clientKey,
    storedKey: await sha256(clientKey),
    serverKey: await hmac(saltedPassword, utf8Encode("Server Key")),
  };
}

/** New keys for a password, under a salt of its own. */
export function newScramKeys(password: string, iterations: number = LEAST_ITERATIONS): Promise<ScramKeys> {
  return deriveScramKeys(password, crypto.getRandomValues(new Uint8Array(SALT_OCTETS)), iterations);
}

export async function hmac(key: Bytes, data: Bytes): Promise<Bytes> {
  const imported = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, data));
}

export async function sha256(data: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", data));
}
