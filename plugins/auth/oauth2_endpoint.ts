/**
 * Asks an authorization server about a token: introspection (RFC 7662 §2) or userinfo (OpenID Connect Core §5.3).
 *
 * A token that is no good is an answer. Trouble with the endpoint rejects, with a sentence that holds neither token nor secret.
 */
import { deadline, type Machine, utf8Decode } from "kasi";
import type { OauthSettings } from "./oauth2_ini.ts";

export type TokenAnswer =
  | {
    readonly kind: "good";
    readonly user: string; /** Epoch ms at which it ends. */
    readonly until: number | undefined;
  }
  /** `why` is for our log. */
  | { readonly kind: "bad"; readonly why: string; readonly status: "invalid_token" | "insufficient_scope" };

type Claims = { readonly [claim: string]: unknown };
const MOST_BYTES = 64 * 1024;

export async function askEndpoint(
  machine: Machine,
  settings: OauthSettings & { readonly url: string },
  token: string,
  signal: AbortSignal,
): Promise<TokenAnswer> {
  const { url, kind, timeout } = settings;
  const limit = deadline(machine.clock, timeout * 1000, "the token endpoint", signal);
  try {
    // A redirect would carry the token to who knows whom.
    const request = kind === "introspect" ? introspection(settings, token) : { headers: bearer(token) };
    const answer = await machine.fetch(url, { ...request, redirect: "error", signal: limit.signal });
    if (kind === "userinfo" && (answer.status === 401 || answer.status === 403)) {
      await answer.body?.cancel();
      return { kind: "bad", why: `the endpoint says ${answer.status}`, status: faultOf(answer.status) };
    }
    if (answer.status !== 200) {
      await answer.body?.cancel();
      throw new Error(`the token endpoint answers HTTP ${answer.status}`);
    }
    const claims = parse(await read(answer));
    return kind === "introspect" ? judgeIntrospection(settings, claims, machine.clock.now()) : judge(settings, claims);
  } catch (cause) {
    if (limit.signal.aborted) throw limit.signal.reason;
    throw cause;
  } finally {
    limit.end();
  }
}

const faultOf = (status: number) => status === 403 ? "insufficient_scope" : "invalid_token";
const bearer = (token: string) => ({ authorization: `Bearer ${token}`, accept: "application/json" });

function introspection({ client_id, client_secret }: OauthSettings, token: string): RequestInit {
  // RFC 6749 §2.3.1: both encoded as in a form, then joined.
  const form = (text: string) => new URLSearchParams({ x: text }).toString().slice(2);
  const us = client_id === undefined ? undefined : `Basic ${btoa(`${form(client_id)}:${form(client_secret ?? "")}`)}`;
  return {
    method: "POST",
    headers: {
      "content-type": "application/x-www-form-urlencoded",
      accept: "application/json",
      ...(us && { authorization: us }),
    },
    body: new URLSearchParams({ token, token_type_hint: "access_token" }).toString(),
  };
}

async function read(answer: Response): Promise<string> {
  const octets: number[] = [];
  for await (const chunk of answer.body ?? []) {
    if (octets.length + chunk.length > MOST_BYTES) throw new Error("the token endpoint's answer has no end");
    for (const octet of chunk) octets.push(octet);
  }
  return utf8Decode(new Uint8Array(octets));
}

function parse(text: string): Claims {
  let claims: unknown;
  try {
    claims = JSON.parse(text);
  } catch {
    // Without a cause: that would quote the answer.
    throw new Error("the token endpoint's answer is no JSON");
  }
  if (typeof claims !== "object" || claims === null || Array.isArray(claims)) {
    throw new Error("the token endpoint's answer is no JSON object");
  }
  return claims as Claims;
}

function judgeIntrospection(settings: OauthSettings, claims: Claims, now: number): TokenAnswer {
  const bad = (why: string): TokenAnswer => ({ kind: "bad", why, status: "invalid_token" });
  // RFC 7662 §2.2: `active` must be there; only `true` is a yes.
  if (typeof claims["active"] !== "boolean") {
    throw new Error("the token endpoint does not say whether the token is active");
  }
  if (!claims["active"]) return bad("the token is not active");
  const { exp, nbf, aud } = claims;
  if (typeof exp === "number" && exp * 1000 <= now) return bad("the token has ended");
  if (typeof nbf === "number" && nbf * 1000 > now) return bad("the token has not begun");
  const { audience, scope } = settings;
  if (audience !== undefined && ![aud].flat().includes(audience)) return bad("the token is meant for somebody else");
  const granted = typeof claims["scope"] === "string" ? claims["scope"].split(" ") : [];
  const missing = scope.filter((each) => !granted.includes(each));
  if (missing.length > 0) {
    return { kind: "bad", why: `the token lacks the scope ${missing.join(" ")}`, status: "insufficient_scope" };
  }
  return judge(settings, claims, typeof exp === "number" ? exp * 1000 : undefined);
}

function judge({ user_claim }: OauthSettings, claims: Claims, until?: number): TokenAnswer {
  const user = Object.hasOwn(claims, user_claim) ? claims[user_claim] : undefined;
  const bad = (why: string): TokenAnswer => ({ kind: "bad", why, status: "invalid_token" });
  if (typeof user !== "string" || user === "") return bad(`the answer names no user (${user_claim})`);
  // Anybody may claim an address that nobody has looked at.
  if (user_claim === "email" && claims["email_verified"] === false) return bad("the user's email is not verified");
  return { kind: "good", user, until };
}
