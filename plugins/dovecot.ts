/** Asks Dovecot's auth-userdb socket whether a recipient or a sender is a user there. */
import { defer, fileShape, ok, type Plugin } from "kasi";
import { talkTo, type Where } from "./auth/line_client.ts";

const SOCKET = {
  path: { type: "optional-text", about: "The Unix socket, /var/run/dovecot/auth-userdb; in place of host and port." },
  host: { type: "optional-text", about: "The host of a listener of the same kind." },
  port: { type: "integer", default: 8998, min: 1, max: 65535, about: "Its port." },
} as const;
const DOVECOT_INI = fileShape({
  file: "dovecot.ini",
  about: "Where Dovecot says who its users are. A section [example.com] is for the addresses of that domain.",
  shape: {
    main: {
      ...SOCKET,
      check_outbound: { type: "boolean", default: true, about: "Ask about senders too, so that local ones are known." },
      timeout: { type: "number", default: 30, min: 1, about: "Seconds that an answer may take." },
    },
    "*": SOCKET,
  },
});

/** Asked where nothing is set. */
const USUAL_SOCKET = "/var/run/dovecot/auth-userdb";
type Found = "user" | "nobody" | { readonly error: string };

export default {
  name: "dovecot",
  about: "Takes recipients that Dovecot knows (dovecot.ini).",
  files: [DOVECOT_INI],
  async setup({ config, machine, signal, name, log }) {
    const settings = await config.ini(DOVECOT_INI);

    function socketFor(domain: string): Where {
      const { main, "*": byDomain } = settings.value;
      const own = byDomain[domain.toLowerCase()];
      // A section's host is not overruled by the path of [main].
      const { path, host, port = main.port } = own?.path === undefined && own?.host === undefined ? main : own;
      return path === undefined && host !== undefined ? { hostname: host, port } : { path: path ?? USUAL_SOCKET };
    }

    async function ask(address: string, domain: string): Promise<Found> {
      if (/[\t\r\n\0]/.test(address)) return "nobody";
      const limits = { timeoutMs: settings.value.main.timeout * 1000, signal };
      return await talkTo(machine, socketFor(domain), limits, async (client) => {
        await client.write(new TextEncoder().encode(`VERSION\t1\t0\nUSER\t1\t${address}\tservice=smtp\n`));
        for (;;) {
          const line = await client.line();
          if (/^USER\t1(\t|$)/.test(line)) return "user";
          if (/^NOTFOUND\t1(\t|$)/.test(line)) return "nobody";
          // Old versions say FAIL for both; a reason makes it trouble of Dovecot's own.
          if (/^FAIL\t1(\t|$)/.test(line)) {
            return /\t(temp|reason=)/.test(line) ? { error: line.replaceAll("\t", " ") } : "nobody";
          }
          if (!/^(VERSION|SPID|CUID|COOKIE|MECH|DONE)(\t|$)/.test(line)) return { error: line.slice(0, 100) };
        }
      });
    }

    return {
      async mail({ transaction, sender }) {
        if (!settings.value.main.check_outbound || sender.isNull() || sender.host === "") return;
        try {
          const found = await ask(sender.address, sender.host);
          if (typeof found === "object") return void transaction.results.add(name, { err: found.error });
          if (found === "nobody") return void transaction.results.add(name, { msg: `mail!${sender.address}` });
          transaction.results.add(name, { pass: "mail" });
          transaction.notes.set("local_sender", true);
        } catch (cause) {
          transaction.results.add(name, { err: reasonOf(cause) });
          log.error(`Cannot ask Dovecot about ${sender.address}: ${reasonOf(cause)}`);
          return defer();
        }
      },

      async rcpt({ session, transaction, recipient: { address } }) {
        if (session.relaying && transaction.notes.get("local_sender") === true) {
          transaction.results.add(name, { pass: "relaying local_sender" });
          return ok();
        }
        try {
          const found = await ask(address.address, address.host);
          if (typeof found === "object") return void transaction.results.add(name, { err: found.error });
          if (found === "nobody") return void transaction.results.add(name, { msg: `rcpt!${address.address}` });
          transaction.results.add(name, { pass: "rcpt" });
          return ok();
        } catch (cause) {
          transaction.results.add(name, { err: reasonOf(cause) });
          log.error(`Cannot ask Dovecot about ${address.address}: ${reasonOf(cause)}`);
          return defer();
        }
      },
    };
  },
} satisfies Plugin;

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
