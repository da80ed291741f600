/** What the plugins share that have another server check user and password: where AUTH is offered, and what an answer comes to. */
import { type AuthAttempt, defer, deny, ok, type PluginHost, type Session } from "kasi";
import { mayOfferAuth } from "./auth_base.ts";

/** `wrong`: the server knows better. `unknown`: the user is nobody's here. `trouble`: nobody could say. */
export type Answer =
  | { readonly kind: "right" }
  | { readonly kind: "wrong" }
  | { readonly kind: "unknown" }
  | { readonly kind: "trouble"; readonly detail: string };

/** The password must be had in clear, so these alone are offered, and over TLS only. */
export const CLEAR = ["PLAIN", "LOGIN"] as const;

export function offerClear(session: Session, auth: Set<string>): void {
  if (session.tls !== undefined && mayOfferAuth(session)) { for (const mechanism of CLEAR) auth.add(mechanism); }
}

/** Says what `answer` comes to; a server that is away costs nobody a failed attempt. */
export async function judged(
  { name, log }: PluginHost,
  session: Session,
  attempt: AuthAttempt,
  answer: Promise<Answer>,
): Promise<ReturnType<typeof ok | typeof deny | typeof defer> | undefined> {
  const { results } = session;
  const said = await answer.catch((cause): Answer => ({
    kind: "trouble",
    detail: cause instanceof Error ? cause.message : String(cause),
  }));
  switch (said.kind) {
    case "right":
      results.add(name, { pass: attempt.user });
      return ok();
    case "wrong":
      results.add(name, { fail: attempt.user });
      return deny();
    case "unknown":
      return undefined;
    case "trouble":
      results.add(name, { err: said.detail });
      log.error(`Cannot check the password of ${attempt.user}: ${said.detail}`);
      return defer();
  }
}
