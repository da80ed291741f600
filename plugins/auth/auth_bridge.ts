/** Has the server behind `queue/smtp_bridge` check user and password. */
import { fileShape, type Plugin } from "kasi";
import { judged, offerClear } from "./ask_server.ts";
import { smtpLogin } from "./smtp_login.ts";

const SMTP_BRIDGE_INI = fileShape({
  file: "smtp_bridge.ini",
  about: "The server that everything is handed on to: passwords by auth/auth_bridge, mail by queue/smtp_bridge.",
  shape: {
    main: {
      host: { type: "text", default: "localhost", about: "Its name or address." },
      port: { type: "integer", default: 25, min: 1, max: 65535, about: "Its port." },
      timeout: { type: "number", default: 30, min: 1, about: "Seconds that checking a password may take." },
    },
  },
});

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
