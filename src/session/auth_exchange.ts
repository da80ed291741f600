/** What the mechanisms of AUTH have in common: what an exchange comes to, and how a challenge is put and answered. */
import { type Bytes, equalBytes, latin1Encode, utf8Decode, utf8Encode } from "../base/bytes.ts";
import { hmacMd5 } from "../base/md5.ts";
import type { AuthAttempt, Known } from "../hooks/session.ts";
import { decodeBase64, encodeBase64 } from "../wire/base64.ts";
import type { Reply } from "../wire/reply.ts";
import { deriveScramKeys } from "../wire/sasl/scram_keys.ts";
import type { Dialogue } from "./dialogue.ts";
import { TEXTS } from "./texts.ts";

/** Octets of a line of the exchange, and of AUTH itself (RFC 4954 §4). */
export const AUTH_LINE_LIMIT = 12_288;

/** A reply ends the exchange; `close` hangs up behind it. */
export type Ended = { readonly reply: Reply; readonly close: boolean };

/** Credentials, and what is still to be said once they are judged. */
export interface Credentials {
  readonly attempt: AuthAttempt;
  /** What broke the exchange off while it was judged, if anything did. */
  broken?(): Ended | undefined;
  /** Before 235. */
  accepted?(): Promise<Ended | undefined>;
  /** Before 535; what it says goes in its place. */
  refused?(): Promise<Ended | undefined>;
}

/** One mechanism: `initial` is the client's first response when it came with AUTH. */
export type Exchange = (
  talk: Dialogue,
  initial: Bytes | undefined,
  mechanism: string,
) => Promise<Credentials | Ended>;

export const INVALID: Ended = { reply: TEXTS.authString, close: false };

export function isEnded(answer: object): answer is Ended {
  return "reply" in answer;
}

/** Sends a challenge (334) and reads the answer. `mayBeEmpty`: an answer of no octets is one. */
export async function challenge(talk: Dialogue, text: Bytes, mayBeEmpty = false): Promise<Bytes | Ended> {
  // The space behind the code stays, even with nothing behind it.
  talk.output.add(`334 ${encodeBase64(text)}\r\n`);
  const line = await talk.line(AUTH_LINE_LIMIT);
  switch (line.kind) {
    case "line":
      break;
    case "end":
      throw talk.left();
    case "too-long":
      return { reply: TEXTS.tooLong, close: true };
    default:
      return { reply: TEXTS.bareLineEnd, close: true };
  }
  const answer = utf8Decode(line.bytes);
  // RFC 4954 §4 has `*` for a change of mind; Haraka's users know the 504.
  if (answer === "*" || (answer === "" && !mayBeEmpty)) return INVALID;
  if (/^auth /i.test(answer)) return { reply: TEXTS.authProtocol, close: true };
  return decodeBase64(answer) ?? { reply: TEXTS.authBase64, close: false };
}

/** An attempt with the mechanism's own ways put in. */
export function attemptOf(
  mechanism: string,
  user: string,
  ways: Partial<AuthAttempt> & Pick<AuthAttempt, "verify">,
): AuthAttempt {
  return {
    mechanism,
    user,
    password: undefined,
    token: undefined,
    tokenFault: undefined,
    decoy: undefined,
    matches: (truePassword) => ways.verify({ password: truePassword }),
    ...ways,
  };
}

/** For whoever shows the password itself. */
export function shownPassword(mechanism: string, user: string, password: string): AuthAttempt {
  return attemptOf(mechanism, user, { password, verify: (known) => passwordIs(password, known) });
}

function passwordIs(given: string, known: Known): boolean | Promise<boolean> {
  if ("password" in known) return equalText(given, known.password);
  const { salt, iterations, storedKey } = known.scram;
  // StoredKey is a hash of secrets only: where two of them differ tells nothing.
  return deriveScramKeys(given, salt, iterations).then((keys) => equalBytes(keys.storedKey, storedKey));
}

/** In a time that tells nothing of where they differ, nor of how long the true one is: both are hashed under a key of the moment. */
export function equalText(given: string, wanted: string): boolean {
  const key = crypto.getRandomValues(new Uint8Array(16));
  const [a, b] = [hmacMd5(key, utf8Encode(given)), hmacMd5(key, utf8Encode(wanted))];
  let different = given.length ^ wanted.length;
  for (let i = 0; i < a.length; i++) different |= a[i]! ^ b[i]!;
  return different === 0 && equalBytes(latin1Encode(given), latin1Encode(wanted));
}
