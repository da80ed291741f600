/**
 * Hands the mail of authenticated clients to the server of `smtp_bridge.ini`, under their own user and password.
 *
 * The password is known to this plugin alone, for as long as the session lasts, and is written nowhere: so the message is handed on while the client waits,
 * not by way of the queue. Load `auth/auth_bridge` with it, which has the same server check the password.
 */
import type { HookEvent, Plugin, Session } from "kasi";
import { handOn } from "./hand_on.ts";
import { SMTP_BRIDGE_INI } from "./smtp_bridge_ini.ts";
import { isForAnother } from "./wants.ts";

export default {
  name: "queue/smtp_bridge",
  about: "Hands the mail of authenticated clients to another server, under their own names.",
  files: [SMTP_BRIDGE_INI],
  async setup(host) {
    const settings = await host.config.ini(SMTP_BRIDGE_INI);
    const passwords = new WeakMap<Session, { readonly user: string; readonly pass: string }>();

    const bridge = async (event: HookEvent<"queue">) => {
      const { session, transaction } = event;
      const known = passwords.get(session);
      if (known === undefined || known.user !== session.auth?.user || isForAnother(transaction, "smtp_bridge")) return;
      const { host: name, port, priority, auth_type: type } = settings.value.main;
      const auth = { ...known, ...(type === undefined ? {} : { type }) };
      const destinations = [{ host: name.toLowerCase(), port, priority, protocol: "smtp" as const, auth }];
      // Who was not taken here may be elsewhere: the queue asks the DNS.
      return await handOn(host, event, { destinations, oneEach: false, restNotes: {} });
    };

    return {
      // Before those who check it: whether it is right, `session.auth` tells later.
      auth: {
        priority: -50,
        run({ session, attempt: { user, password } }) {
          if (password !== undefined) passwords.set(session, { user, pass: password });
        },
      },
      queue: bridge,
      queue_outbound: bridge,
    };
  },
} satisfies Plugin;
