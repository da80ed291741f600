/** auth_oauth2.ini, and what of it can't be worked with. */
import { ConfigError, fileShape, type Settings } from "kasi";

export const AUTH_OAUTH2_INI = fileShape({
  file: "auth_oauth2.ini",
  about: "Who knows the tokens that clients show in the place of passwords.",
  shape: {
    main: {
      url: {
        type: "optional-text",
        about: "The endpoint to ask: https, or http on this machine. Without it nothing is offered.",
      },
      kind: {
        type: "choice",
        of: ["introspect", "userinfo"],
        default: "introspect",
        about: "What the endpoint is: token introspection (RFC 7662), or the userinfo of OpenID Connect.",
      },
      client_id: { type: "optional-text", about: "Who we are to the endpoint; introspect only." },
      client_secret: { type: "optional-text", about: "Our password there; introspect only." },
      user_claim: {
        type: "text",
        default: "username",
        about: "The member of the answer that names the user: username, email, preferred_username …",
      },
      scope: { type: "words", default: [], about: "Scopes that a token must have, all of them; introspect only." },
      audience: {
        type: "optional-text",
        about: "Whom a token must be meant for (aud); introspect only. Without it: whoever it is.",
      },
      cache_seconds: {
        type: "integer",
        default: 60,
        min: 0,
        max: 3600,
        about: "Seconds that a yes is believed without asking again; a token's own end comes first. 0: ask each time.",
      },
      timeout: { type: "number", default: 10, min: 1, max: 25, about: "Seconds that the endpoint may take." },
      configuration: {
        type: "optional-text",
        about: "URL of the provider's OpenID configuration, told to clients whose token is refused.",
      },
      constrain_sender: {
        type: "boolean",
        default: true,
        about: "The sender's domain must be that of the user's name, when that has one.",
      },
    },
  },
});
export type OauthSettings = Settings<typeof AUTH_OAUTH2_INI.shape>["main"];

/** Throws ConfigError for what would show tokens to bystanders, or let in whom it should not. */
export function checkOauth({ url, kind, scope, audience, client_id, client_secret }: OauthSettings): void {
  const fault = (setting: string, current: string, wanted: string): never => {
    throw new ConfigError({ file: AUTH_OAUTH2_INI.file, setting: `[main] ${setting}`, current, wanted });
  };
  if (url !== undefined && !isSafe(url)) {
    fault("url", url, "an https URL without a password in it, or http on 127.0.0.1");
  }
  if ((client_id === undefined) !== (client_secret === undefined)) {
    fault("client_id", client_id ?? "", "both client_id and client_secret, or neither");
  }
  if (kind === "introspect") return;
  if (scope.length > 0) fault("scope", scope.join(" "), "nothing with kind=userinfo, which tells no scopes");
  if (audience !== undefined) fault("audience", audience, "nothing with kind=userinfo, which tells no audience");
}

const LOOPBACK = /^(?:localhost|::1|127\.\d+\.\d+\.\d+)$/;

function isSafe(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.username !== "" || url.password !== "") return false;
  // RFC 6750 §5.3: tokens travel under TLS.
  const host = url.hostname.replace(/^\[|\]$/g, "");
  return url.protocol === "https:" || (url.protocol === "http:" && LOOPBACK.test(host));
}
