/**
 * Hands mail for our own domains to a mail store over LMTP (RFC 2033), by way of the outbound queue.
 *
 * The message is acknowledged once it is safe in the queue, which tries again, recipient by recipient, while the store is down.
 */
import { answer, type Destination, fileShape, type HookEvent, ok, type Plugin } from "kasi";
import { isForAnother } from "./wants.ts";

const STORE = {
  host: { type: "text", default: "127.0.0.1", about: "Where the store listens." },
  port: { type: "integer", default: 24, min: 1, max: 65535, about: "Its port." },
  path: { type: "optional-text", about: "Its Unix socket, in place of host and port." },
} as const;

const LMTP_INI = fileShape({
  file: "lmtp.ini",
  about: "The mail store that takes mail over LMTP. A section named as a recipient's domain is its own store.",
  shape: { "main": STORE, "*": STORE },
});

export default {
  name: "queue/lmtp",
  about: "Hands mail to a mail store over LMTP.",
  files: [LMTP_INI],
  async setup({ config, enqueue }) {
    const settings = await config.ini(LMTP_INI);

    const storeOf = (domain: string): Destination => {
      const { main, "*": domains } = settings.value;
      const { host = "127.0.0.1", port = 24, path } = domains[domain] ?? main;
      const common = { priority: 0, protocol: "lmtp" } as const;
      return path === undefined ? { ...common, host: host.toLowerCase(), port } : { ...common, host: "", port, path };
    };

    return {
      async queue({ transaction, message }: HookEvent<"queue">) {
        if (isForAnother(transaction, "lmtp")) return;
        const { id, sender, recipients, notes, smtpUtf8, wanted } = transaction;
        notes.set("using_lmtp", true);
        await enqueue({ id, sender, recipients, notes: notes.toJSON(), smtpUtf8, wanted }, message);
        return ok();
      },

      get_mx: ({ item, domain }) => item.envelope.notes.using_lmtp === true ? answer(storeOf(domain)) : undefined,
    };
  },
} satisfies Plugin;
