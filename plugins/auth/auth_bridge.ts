/** Has the server behind `queue/smtp_bridge` check user and password. */
import type { Plugin } from "kasi";
import { SMTP_BRIDGE_INI } from "../queue/smtp_bridge_ini.ts";
import { judged, offerClear } from "./ask_server.ts";
import { smtpLogin } from "./smtp_login.ts";

export default {
  name: "auth/auth_bridge",
  about: "Checks users against the server of smtp_bridge.ini.",
  files: [SMTP_BRIDGE_INI],
  async setup(host) {
    const { config, machine, server, signal } = host;
    const settings = await config.ini(SMTP_BRIDGE_INI);
    return {
      capabilities({ session, capabilities }) {
        offerClear(session, capabilities.auth);
      },
      auth({ session, attempt }) {
        const { user, password } = attempt;
        if (password === undefined) return;
        const { host: hostname, port, timeout } = settings.value.main;
        const login = { user, password, helo: server.name, localPartToo: false, timeoutMs: timeout * 1000, signal };
        return judged(host, session, attempt, smtpLogin(machine, { hostname, port }, login));
      },
    };
  },
} satisfies Plugin;
