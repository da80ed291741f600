/** OAUTHBEARER (RFC 7628) and XOAUTH2: the token goes to the plugins, and what they say against it to the client before 535. */
import { type Bytes, EMPTY } from "../base/bytes.ts";
import type { AuthAttempt } from "../hooks/session.ts";
import {
  type Bearer,
  oauthBearerFault,
  parseOauthBearer,
  parseXoauth2,
  type TokenFault,
  xoauth2Fault,
} from "../wire/sasl/bearer.ts";
import { attemptOf, challenge, type Credentials, type Ended, INVALID, isEnded } from "./auth_exchange.ts";
import type { Dialogue } from "./dialogue.ts";

interface Form {
  parse(octets: Uint8Array): Bearer | undefined;
  fault(fault: TokenFault): Bytes;
}
const FORMS: { readonly [mechanism: string]: Form } = {
  OAUTHBEARER: { parse: parseOauthBearer, fault: oauthBearerFault },
  XOAUTH2: { parse: parseXoauth2, fault: xoauth2Fault },
};

export async function bearer(
  talk: Dialogue,
  initial: Bytes | undefined,
  mechanism: string,
): Promise<Credentials | Ended> {
  const form = FORMS[mechanism]!;
  const answer = initial ?? await challenge(talk, EMPTY);
  if (isEnded(answer)) return answer;
  const said = form.parse(answer);
  if (said === undefined) return INVALID;
  const attempt: AuthAttempt = attemptOf(mechanism, said.user, { token: said.token, verify: () => false });
  return {
    attempt,
    async refused() {
      // RFC 7628 §3.2.3: the client owes an answer, %x01 or nothing at all; what it is makes no difference.
      const answer = await challenge(talk, form.fault(attempt.tokenFault ?? { status: "invalid_token" }), true);
      return isEnded(answer) && answer.close ? answer : undefined;
    },
  };
}
