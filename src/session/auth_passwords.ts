/** The older mechanisms: PLAIN, LOGIN, CRAM-MD5, and what a plugin adds. */
import { type Bytes, EMPTY, utf8Decode, utf8Encode } from "../base/bytes.ts";
import { hex, hmacMd5 } from "../base/md5.ts";
import { parseCram, parsePlain } from "../wire/sasl/plain.ts";
import {
  attemptOf,
  challenge,
  type Credentials,
  type Ended,
  equalText,
  INVALID,
  isEnded,
  shownPassword,
} from "./auth_exchange.ts";
import type { Dialogue } from "./dialogue.ts";

/** RFC 4616. */
export async function plain(talk: Dialogue, initial: Bytes | undefined): Promise<Credentials | Ended> {
  const answer = initial ?? await challenge(talk, EMPTY);
  if (isEnded(answer)) return answer;
  const said = parsePlain(answer);
  return said === undefined ? INVALID : { attempt: shownPassword("PLAIN", said.user, said.password) };
}

export async function login(talk: Dialogue, initial: Bytes | undefined): Promise<Credentials | Ended> {
  const user = initial ?? await challenge(talk, utf8Encode("Username:"));
  if (isEnded(user)) return user;
  const password = await challenge(talk, utf8Encode("Password:"));
  if (isEnded(password)) return password;
  if (user.length === 0 || password.length === 0) return INVALID;
  return { attempt: shownPassword("LOGIN", utf8Decode(user), utf8Decode(password)) };
}

/** RFC 2195. */
export async function cramMd5(talk: Dialogue, initial: Bytes | undefined): Promise<Credentials | Ended> {
  // RFC 4954 §4: the server speaks first.
  if (initial !== undefined) return INVALID;
  const random = crypto.getRandomValues(new Uint8Array(16));
  const ticket = utf8Encode(`<${hex(random)}.${talk.context.clock.now()}@${talk.settings.me}>`);
  const answer = await challenge(talk, ticket);
  if (isEnded(answer)) return answer;
  const said = parseCram(answer);
  if (said === undefined) return INVALID;
  const attempt = attemptOf("CRAM-MD5", said.user, {
    // Only the password itself can make the digest.
    verify: (known) => "password" in known && equalText(hex(hmacMd5(utf8Encode(known.password), ticket)), said.digest),
  });
  return { attempt };
}

/** A mechanism of a plugin's: one answer, handed over as it came. */
export async function ofPlugin(
  talk: Dialogue,
  initial: Bytes | undefined,
  mechanism: string,
): Promise<Credentials | Ended> {
  const answer = initial ?? await challenge(talk, EMPTY);
  return isEnded(answer) ? answer : { attempt: shownPassword(mechanism, "", utf8Decode(answer)) };
}
