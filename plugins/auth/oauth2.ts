/** Lets in by a token (OAUTHBEARER, XOAUTH2) that an authorization server vouches for. */
import { type AuthAttempt, defer, deny, ok, type Plugin } from "kasi";
import { constrainSender } from "./auth_base.ts";
import { askEndpoint, type TokenAnswer } from "./oauth2_endpoint.ts";
import { AUTH_OAUTH2_INI, checkOauth, type OauthSettings } from "./oauth2_ini.ts";
import { TokenCache } from "./oauth2_cache.ts";

export default {
  name: "auth/oauth2",
  about: "Checks tokens against an OAuth 2 server (auth_oauth2.ini).",
  files: [AUTH_OAUTH2_INI],
  async setup({ config, log, machine, name }) {
    const settings = await config.ini(AUTH_OAUTH2_INI);
    checkOauth(settings.value.main);
    // The last good ones: what has become wrong while the server runs is told, and not worked with.
    let main: OauthSettings = settings.value.main;
    const cache = new TokenCache(machine.clock);
    settings.onChange((value) => {
      try {
        checkOauth(value.main);
      } catch (cause) {
        log.error(`${cause instanceof Error ? cause.message : cause}; the settings before stay`);
        return;
      }
      main = value.main;
      // Another endpoint, or another claim, may know it otherwise.
      cache.clear();
    });

    async function answerOf(url: string, token: string, signal: AbortSignal): Promise<TokenAnswer> {
      const now = main;
      const key = await TokenCache.keyOf(token);
      const known = cache.get(key);
      if (known !== undefined) return known;
      const answer = await askEndpoint(machine, { ...now, url }, token, signal);
      // An answer by settings that are gone is kept for nobody.
      if (answer.kind === "good" && now === main) cache.set(key, answer, now.cache_seconds * 1000);
      return answer;
    }

    return {
      capabilities({ session, capabilities: { auth } }) {
        // RFC 7628 §4, RFC 6750 §5.3: whoever overhears a token has it.
        if (main.url === undefined || session.tls === undefined) return;
        for (const mechanism of ["OAUTHBEARER", "XOAUTH2"]) auth.add(mechanism);
      },

      async auth({ session, attempt, signal }) {
        const { token } = attempt;
        const { url } = main;
        if (token === undefined || url === undefined) return;
        const refuse = (why: string, status: string) => {
          attempt.tokenFault = faultFor(main, status);
          session.results.add(name, { fail: why });
          log.notice(`The token of ${attempt.user || "nobody in particular"} is refused: ${why}`);
          return deny();
        };
        // RFC 7628 §4.3: who shows none asks what is wanted.
        if (token === "") return refuse("there is none", "invalid_token");
        let answer: TokenAnswer;
        try {
          answer = await answerOf(url, token, signal);
        } catch (cause) {
          const detail = (cause instanceof Error ? cause.message : String(cause)).replaceAll(token, "…");
          session.results.add(name, { err: detail });
          log.error(
            `Cannot check a token of ${attempt.user || "nobody in particular"}: ${detail}`,
          );
          return defer();
        }
        if (answer.kind === "bad") return refuse(answer.why, answer.status);
        if (!isNamed(attempt, answer.user)) return refuse(`it is the token of ${answer.user}`, "invalid_token");
        attempt.user = answer.user;
        session.results.add(name, { pass: answer.user });
        return ok();
      },

      mail({ session, transaction, sender }) {
        if (session.auth === undefined || !main.constrain_sender) return;
        const refusal = constrainSender(session.auth.user, sender);
        transaction.results.add(name, refusal ? { fail: "constrain_sender" } : { pass: "constrain_sender" });
        return refusal;
      },
    };
  },
} satisfies Plugin;

/** Whoever names nobody is whom the token names. The case of a domain's letters tells nothing. */
function isNamed({ user }: AuthAttempt, claimed: string): boolean {
  const folded = (name: string) => name.replace(/@[^@]*$/, (domain) => domain.toLowerCase());
  return user === "" || folded(user) === folded(claimed);
}

function faultFor({ scope, configuration }: OauthSettings, status: string): AuthAttempt["tokenFault"] {
  return { status, ...(scope.length > 0 && { scope: scope.join(" ") }), ...(configuration && { configuration }) };
}
