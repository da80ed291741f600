/** Users and their passwords from `auth_flat_file.ini`. */
import { deny, fileShape, ok, type Plugin } from "kasi";
import { constrainSender, mayOfferAuth } from "./auth_base.ts";

const AUTH_FLAT_FILE_INI = fileShape({
  file: "auth_flat_file.ini",
  about: "Users who may authenticate, and how.",
  shape: {
    core: {
      methods: {
        type: "words",
        default: [],
        about: "Mechanisms on offer: PLAIN, LOGIN, CRAM-MD5. None: AUTH is not offered.",
      },
      constrain_sender: {
        type: "boolean",
        default: true,
        about: "The sender's domain must be that of the user's name, when that has one.",
      },
    },
    users: { open: true, about: "name = password" },
  },
});

export default {
  name: "auth/flat_file",
  about: "Checks users against auth_flat_file.ini.",
  files: [AUTH_FLAT_FILE_INI],
  async setup({ config, name }) {
    const settings = await config.ini(AUTH_FLAT_FILE_INI);
    return {
      capabilities({ session, capabilities }) {
        if (!mayOfferAuth(session)) return;
        for (const method of settings.value.core.methods) capabilities.auth.add(method.toUpperCase());
      },

      async auth({ session, attempt }) {
        const { users } = settings.value;
        const password = Object.hasOwn(users, attempt.user) ? users[attempt.user] : undefined;
        // Unknown users take as long as known ones; another plugin may know them.
        const matches = await attempt.matches(password ?? "");
        if (password === undefined || password === "") return undefined;
        if (matches) return ok();
        session.results.add(name, { fail: attempt.user });
        return deny();
      },

      mail({ session, transaction, sender }) {
        if (session.auth === undefined || !settings.value.core.constrain_sender) return;
        const refusal = constrainSender(session.auth.user, sender);
        transaction.results.add(name, refusal ? { fail: "constrain_sender" } : { pass: "constrain_sender" });
        return refusal;
      },
    };
  },
} satisfies Plugin;
