/** Whoever has authenticated sends as its own domain only, whichever plugin knew the password. */
import { fileShape, type Plugin } from "kasi";
import { constrainSender } from "./auth/auth_base.ts";

const CONSTRAIN_SENDER_INI = fileShape({
  file: "constrain_sender.ini",
  about: "Which senders authenticated clients may use.",
  shape: {
    main: {
      constrain_sender: {
        type: "boolean",
        default: true,
        about: "The sender's domain must be that of the user's name, when that has one.",
      },
    },
  },
});

export default {
  name: "constrain_sender",
  about: "Refuses senders of other domains than the authenticated user's.",
  files: [CONSTRAIN_SENDER_INI],
  async setup({ config, name }) {
    const settings = await config.ini(CONSTRAIN_SENDER_INI);
    return {
      mail({ session, transaction, sender }) {
        if (session.auth === undefined || !settings.value.main.constrain_sender) return;
        const refusal = constrainSender(session.auth.user, sender);
        transaction.results.add(name, refusal ? { fail: "constrain_sender" } : { pass: "constrain_sender" });
        return refusal;
      },
    };
  },
} satisfies Plugin;
