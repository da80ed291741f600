/**
 * AUTH (RFC 4954): PLAIN (RFC 4616), LOGIN, CRAM-MD5 (RFC 2195), and what a plugin adds.
 *
 * The exchange is the engine's; whether the credentials are true is the `auth` hook's to say. Nobody saying so refuses them. Each
 * failure waits twice as long as the one before.
 */
import { type Bytes, EMPTY, equalBytes, latin1Encode, utf8Decode, utf8Encode } from "../base/bytes.ts";
import { sleep } from "../base/clock.ts";
import { hex, hmacMd5 } from "../base/md5.ts";
import { HOOK_RULES } from "../hooks/rules.ts";
import type { AuthAttempt } from "../hooks/session.ts";
import { isRefusal } from "../hooks/verdict.ts";
import { decodeBase64, encodeBase64 } from "../wire/base64.ts";
import type { Command } from "../wire/command.ts";
import type { Reply } from "../wire/reply.ts";
import type { Dialogue } from "./dialogue.ts";
import type { Phase, Step } from "./phase.ts";
import { TEXTS } from "./texts.ts";
import { unrecognized } from "./unrecognized.ts";

/** Octets of a line of the exchange, and of AUTH itself (RFC 4954 §4). */
export const AUTH_LINE_LIMIT = 12_288;
/** Milliseconds a failure waits at most. */
const LONGEST_DELAY_MS = 29_000;

/** A reply ends the exchange; `close` hangs up behind it. */
type Ended = { readonly reply: Reply; readonly close: boolean };
type Exchange = (talk: Dialogue, initial: Bytes | undefined, mechanism: string) => Promise<AuthAttempt | Ended>;

const EXCHANGES: { readonly [mechanism: string]: Exchange | undefined } = {
  PLAIN: plainExchange,
  LOGIN: loginExchange,
  "CRAM-MD5": cramExchange,
};

export async function authenticate(talk: Dialogue, phase: Phase, command: Command<"AUTH">): Promise<Step> {
  const { session } = talk;
  const { auth: offered } = talk.offered;
  const { mechanism, initial } = command;
  if (offered.size === 0 || session.hello?.verb !== "EHLO" || mechanism === "") {
    return await unrecognized(talk, command.verb, command.rest);
  }
  const objection = session.auth !== undefined
    ? TEXTS.authTwice
    : session.transaction !== undefined
    ? TEXTS.authInMail
    : offered.has(mechanism)
    ? undefined
    : TEXTS.authMechanism;
  if (objection !== undefined) {
    session.errors++;
    return { reply: objection, next: phase };
  }
  // RFC 4954 §4: `=` is an initial response of no octets.
  const first = initial === undefined ? undefined : initial === "=" ? EMPTY : decodeBase64(initial);
  if (initial !== undefined && first === undefined) return objected(talk, phase, TEXTS.authBase64);

  const exchange = EXCHANGES[mechanism] ?? openExchange;
  const attempt = await exchange(talk, first, mechanism);
  if ("reply" in attempt) {
    return attempt.close ? { reply: attempt.reply, next: { at: "closed" } } : objected(talk, phase, attempt.reply);
  }
  return await judge(talk, phase, attempt);
}

async function judge(talk: Dialogue, phase: Phase, attempt: AuthAttempt): Promise<Step> {
  const { session } = talk;
  const { user, mechanism } = attempt;
  const { verdict } = await talk.ask("auth", { session, attempt });
  if (verdict?.kind === "ok") {
    session.auth = { user, method: mechanism };
    talk.relayedBefore = session.relaying;
    session.relaying = true;
    session.notes.set("auth_user", user);
    session.notes.set("auth_method", mechanism);
    session.results.add("relay", { pass: "auth" });
    session.results.add("auth", { pass: mechanism, method: mechanism, user });
    noteResult(talk, `auth=pass (${mechanism.toLowerCase()})`);
    session.log.info("Authenticated", { user, method: mechanism });
    return { reply: verdict.text === undefined ? TEXTS.authOk : { ...TEXTS.authOk, text: verdict.text }, next: phase };
  }
  const step: Step = verdict !== undefined && isRefusal(verdict)
    ? await talk.refuse(HOOK_RULES.auth, verdict, user)
    : { reply: TEXTS.authFailed, next: phase };
  // RFC 4954 §4.7.0: trouble of ours is not a wrong password.
  if (step.reply !== undefined && step.reply.code < 500) return step;
  const failures = ++session.authFailures;
  session.notes.set("auth_fails", failures);
  session.results.add("auth", { fail: mechanism });
  noteResult(talk, `auth=fail (${mechanism.toLowerCase()}) smtp.auth=${user.replace(/[^\w.@+-]/g, "?")}`);
  session.log.notice("Authentication failed", { user, method: mechanism, failures });
  await talk.attend(sleep(talk.context.clock, Math.min(1000 * 2 ** (failures - 1), LONGEST_DELAY_MS), session.signal));
  const { authFailures } = talk.settings.limits;
  return authFailures > 0 && failures >= authFailures ? { reply: TEXTS.authTooOften, next: { at: "closed" } } : step;
}

/** RFC 3207 §4.2: what was said in plain text counts no more, with everything it led to. Whom an address lets relay still may. */
export function forgetAuth({ session, relayedBefore }: Dialogue): void {
  const { notes } = session;
  const results = notes.get("authentication_results");
  if (Array.isArray(results)) {
    notes.set("authentication_results", results.filter((result) => !String(result).startsWith("auth=")));
  }
  if (session.auth === undefined) return;
  session.auth = undefined;
  session.relaying = relayedBefore;
  for (const note of ["auth_user", "auth_method"]) notes.set(note, undefined);
}

function objected({ session }: Dialogue, next: Phase, reply: Reply): Step {
  session.errors++;
  return { reply, next };
}

function noteResult({ session }: Dialogue, result: string): void {
  const before = session.notes.get("authentication_results");
  session.notes.set("authentication_results", [...(Array.isArray(before) ? before : []), result]);
}

/** Sends a challenge (334) and reads the answer. */
async function challenge(talk: Dialogue, text: Bytes): Promise<Bytes | Ended> {
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
  if (answer === "*" || answer === "") return { reply: TEXTS.authString, close: false };
  if (/^auth /i.test(answer)) return { reply: TEXTS.authProtocol, close: true };
  return decodeBase64(answer) ?? { reply: TEXTS.authBase64, close: false };
}

const isEnded = (answer: object): answer is Ended => "reply" in answer;
const INVALID: Ended = { reply: TEXTS.authString, close: false };

/** RFC 4616 §2: `authzid NUL authcid NUL passwd`. The first is ignored. */
async function plainExchange(talk: Dialogue, initial: Bytes | undefined): Promise<AuthAttempt | Ended> {
  const answer = initial ?? await challenge(talk, EMPTY);
  if (isEnded(answer)) return answer;
  const [, user, password, ...more] = utf8Decode(answer).split("\0");
  return !user || !password || more.length > 0 ? INVALID : attemptOf("PLAIN", user, password);
}

async function loginExchange(talk: Dialogue, initial: Bytes | undefined): Promise<AuthAttempt | Ended> {
  const user = initial ?? await challenge(talk, utf8Encode("Username:"));
  if (isEnded(user)) return user;
  const password = await challenge(talk, utf8Encode("Password:"));
  if (isEnded(password)) return password;
  return user.length === 0 || password.length === 0
    ? INVALID
    : attemptOf("LOGIN", utf8Decode(user), utf8Decode(password));
}

async function cramExchange(talk: Dialogue, initial: Bytes | undefined): Promise<AuthAttempt | Ended> {
  // RFC 4954 §4: the server speaks first.
  if (initial !== undefined) return INVALID;
  const random = crypto.getRandomValues(new Uint8Array(16));
  const ticket = utf8Encode(`<${hex(random)}.${talk.context.clock.now()}@${talk.settings.me}>`);
  const answer = await challenge(talk, ticket);
  if (isEnded(answer)) return answer;
  const text = utf8Decode(answer);
  const space = text.lastIndexOf(" ");
  const digest = text.slice(space + 1).toLowerCase();
  if (space < 1 || !/^[0-9a-f]{32}$/.test(digest)) return INVALID;
  return {
    mechanism: "CRAM-MD5",
    user: text.slice(0, space),
    password: undefined,
    matches: (truePassword) => equalText(hex(hmacMd5(utf8Encode(truePassword), ticket)), digest),
  };
}

/** A mechanism of a plugin's: one answer, handed over as it came. */
async function openExchange(
  talk: Dialogue,
  initial: Bytes | undefined,
  mechanism: string,
): Promise<AuthAttempt | Ended> {
  const answer = initial ?? await challenge(talk, EMPTY);
  return isEnded(answer) ? answer : attemptOf(mechanism, "", utf8Decode(answer));
}

function attemptOf(mechanism: string, user: string, password: string): AuthAttempt {
  return { mechanism, user, password, matches: (truePassword) => equalText(password, truePassword) };
}

/** In a time that tells nothing of where they differ, nor of how long the true one is: both are hashed under a key of the moment. */
function equalText(given: string, wanted: string): boolean {
  const key = crypto.getRandomValues(new Uint8Array(16));
  const [a, b] = [hmacMd5(key, utf8Encode(given)), hmacMd5(key, utf8Encode(wanted))];
  let different = given.length ^ wanted.length;
  for (let i = 0; i < a.length; i++) different |= a[i]! ^ b[i]!;
  return different === 0 && equalBytes(latin1Encode(given), latin1Encode(wanted));
}
