/** A client's credentials as plugins see them at the `auth` hook. */
import type { AuthAttempt } from "../../src/hooks/session.ts";

export function passwordAttempt(user: string, password: string, mechanism = "PLAIN"): AuthAttempt {
  const matches = (wanted: string) => wanted === password;
  return {
    mechanism,
    user,
    password: mechanism === "CRAM-MD5" ? undefined : password,
    token: undefined,
    matches,
    verify: (known) => "password" in known && matches(String(known.password)),
    tokenFault: undefined,
    decoy: undefined,
  };
}
