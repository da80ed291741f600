/** Offers STARTTLS to whom it may be offered. The engine does the rest. */
import { ipInList, type Plugin, TLS_INI } from "kasi";

export default {
  name: "tls",
  about: "Offers STARTTLS when a certificate is loaded.",
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
