/** Offers STARTTLS to whom it may be offered. The engine does the rest. */
import { fileShape, ipInList, type Plugin } from "kasi";

const TLS_INI = fileShape({
  file: "tls.ini",
  about: "TLS, inbound and outbound. This plugin reads whom not to offer it to.",
  shape: {
    main: {
      no_starttls_ports: {
        type: "words",
        default: [],
        about: "Local ports on which STARTTLS is not offered.",
      },
    },
    no_tls_hosts: { open: true, about: "One address or CIDR block a line: clients to whom STARTTLS is not offered." },
  },
});

export default {
  name: "tls",
  about: "Offers STARTTLS when a certificate is loaded.",
  files: [TLS_INI],
  async setup({ config }) {
    const settings = await config.ini(TLS_INI);
    return {
      capabilities({ session, capabilities }) {
        if (!capabilities.canStartTls) return;
        const { main, no_tls_hosts } = settings.value;
        if (main.no_starttls_ports.includes(String(session.local.port))) return;
        if (ipInList(Object.keys(no_tls_hosts), session.remote.ip)) return;
        capabilities.startTls = true;
      },
    };
  },
} satisfies Plugin;
