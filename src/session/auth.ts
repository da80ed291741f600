/**
 * AUTH (RFC 4954): the mechanisms by name, and what the plugins' word comes to.
 *
 * The exchange is the engine's; whether the credentials are true is the `auth` hook's to say. Nobody saying so refuses them. Each
 * failure waits twice as long as the one before, those of the same address in other sessions included.
 */
import { EMPTY } from "../base/bytes.ts";
import { sleep } from "../base/clock.ts";
import { HOOK_RULES } from "../hooks/rules.ts";
import type { AuthAttempt } from "../hooks/session.ts";
import { isRefusal } from "../hooks/verdict.ts";
import { decodeBase64 } from "../wire/base64.ts";
import type { Command } from "../wire/command.ts";
import type { Reply } from "../wire/reply.ts";
import { bearer } from "./auth_bearer.ts";
import { type Credentials, type Ended, type Exchange, isEnded } from "./auth_exchange.ts";
import { cramMd5, login, ofPlugin, plain } from "./auth_passwords.ts";
import { SCRAM, scram, SCRAM_PLUS } from "./auth_scram.ts";
import type { Dialogue } from "./dialogue.ts";
import type { Phase, Step } from "./phase.ts";
import { TEXTS } from "./texts.ts";
import { unrecognized } from "./unrecognized.ts";

/** Milliseconds a failure waits at most. */
const LONGEST_DELAY_MS = 29_000;

const EXCHANGES: { readonly [mechanism: string]: Exchange | undefined } = {
  PLAIN: plain,
  LOGIN: login,
  "CRAM-MD5": cramMd5,
  [SCRAM]: scram,
  [SCRAM_PLUS]: scram,
  OAUTHBEARER: bearer,
  XOAUTH2: bearer,
};

/** What EHLO lists: the mechanisms that plugins offer; SCRAM bound to the channel just where there is one to be bound to. */
export function offeredMechanisms({ session }: Dialogue, wanted: Iterable<string>): ReadonlySet<string> {
  const offered = new Set<string>();
  const bound = session.tls?.serverEndPoint !== undefined;
  for (const each of wanted) {
    const mechanism = each.toUpperCase();
    if (mechanism === SCRAM && bound) offered.add(SCRAM_PLUS);
    if (mechanism !== SCRAM_PLUS || bound) offered.add(mechanism);
  }
  return offered;
}

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

  const exchange = EXCHANGES[mechanism] ?? ofPlugin;
  const credentials = await exchange(talk, first, mechanism);
  return isEnded(credentials) ? ended(talk, phase, credentials) : await judge(talk, phase, credentials);
}

async function judge(talk: Dialogue, phase: Phase, credentials: Credentials): Promise<Step> {
  const { session } = talk;
  const { attempt } = credentials;
  const { mechanism } = attempt;
  const { verdict } = await talk.ask("auth", { session, attempt });
  const { user } = attempt;
  const broken = credentials.broken?.();
  if (broken !== undefined) return ended(talk, phase, broken);
  if (verdict?.kind === "ok") {
    const objection = await credentials.accepted?.();
    if (objection !== undefined) return ended(talk, phase, objection);
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
  const objection = await credentials.refused?.();
  return objection !== undefined ? ended(talk, phase, objection) : await failed(talk, attempt, step);
}

/** Counts the failure and waits before anything is said: the longer, the more there were. */
async function failed(talk: Dialogue, { user, mechanism }: AuthAttempt, step: Step): Promise<Step> {
  const { session, context } = talk;
  const failures = ++session.authFailures;
  const ofAddress = context.authFailures?.add(session.remote.ip) ?? 0;
  session.notes.set("auth_fails", failures);
  session.results.add("auth", { fail: mechanism });
  noteResult(talk, `auth=fail (${mechanism.toLowerCase()}) smtp.auth=${user.replace(/[^\w.@+-]/g, "?")}`);
  session.log.notice("Authentication failed", { user, method: mechanism, failures });
  const delay = Math.min(1000 * 2 ** (Math.max(failures, ofAddress) - 1), LONGEST_DELAY_MS);
  await talk.attend(sleep(context.clock, delay, session.signal));
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

function ended(talk: Dialogue, phase: Phase, { reply, close }: Ended): Step {
  return close ? { reply, next: { at: "closed" } } : objected(talk, phase, reply);
}

function objected({ session }: Dialogue, next: Phase, reply: Reply): Step {
  session.errors++;
  return { reply, next };
}

function noteResult({ session }: Dialogue, result: string): void {
  const before = session.notes.get("authentication_results");
  session.notes.set("authentication_results", [...(Array.isArray(before) ? before : []), result]);
}
