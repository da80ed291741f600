/**
 * Refuses mail in which an authenticated user tells its own name and password: what phishers ask for.
 *
 * The password is kept for as long as the session and nowhere else; with CRAM-MD5 it never comes here, and nothing is looked for.
 */
import { deny, type Plugin, type Session, textParts } from "kasi";

interface Credentials {
  readonly user: string;
  readonly password: string;
}

export default {
  name: "prevent_credential_leaks",
  about: "Refuses mail in which users give away their password.",
  setup({ name }) {
    const given = new WeakMap<Session, Credentials>();
    return {
      auth: {
        // Before the plugin that ends the chain.
        priority: -100,
        run({ session, attempt: { user, password } }) {
          if (password === undefined) given.delete(session);
          else given.set(session, { user, password });
          return undefined;
        },
      },

      async data_post({ session, transaction, message }) {
        const credentials = credentialsOf(session, given.get(session));
        if (credentials === undefined) return;
        const { user, password } = credentials;
        const at = user.indexOf("@");
        const local = (at > 0 ? user.slice(0, at) : user).toLowerCase();
        for await (const { text } of textParts(message)) {
          if (!text.includes(password) || !text.toLowerCase().includes(local)) continue;
          transaction.results.add(name, { fail: "credentials" });
          return deny("Never give your user name and password to anyone", { enhanced: "5.7.1" });
        }
      },
    };
  },
} satisfies Plugin;

/** Those that were accepted; plugins of the site may leave them in the session's notes, as Haraka's do. */
function credentialsOf(session: Session, given: Credentials | undefined): Credentials | undefined {
  if (given !== undefined && given.password !== "" && session.auth?.user === given.user) return given;
  const [user, password] = [session.notes.get("auth_user"), session.notes.get("auth_passwd")];
  return typeof user === "string" && user !== "" && typeof password === "string" && password !== ""
    ? { user, password }
    : undefined;
}
