/** `smtp_bridge.ini`: the server behind `auth/auth_bridge` and `queue/smtp_bridge`. */
import { fileShape } from "kasi";

export const SMTP_BRIDGE_INI = fileShape({
  file: "smtp_bridge.ini",
  about: "The server that everything is handed on to: passwords by auth/auth_bridge, mail by queue/smtp_bridge.",
  shape: {
    main: {
      host: { type: "text", default: "localhost", about: "Its name or address." },
      port: { type: "integer", default: 25, min: 1, max: 65535, about: "Its port." },
      priority: { type: "integer", default: 10, min: 0, about: "Of no use with one server; read because it was." },
      auth_type: { type: "optional-text", about: "PLAIN, LOGIN or CRAM-MD5; unset: the best that is offered." },
      timeout: { type: "number", default: 30, min: 1, about: "Seconds that checking a password may take." },
    },
  },
});
