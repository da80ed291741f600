/**
 * Hands mail on to another server while the client is still at it: MAIL, each RCPT, DATA and the message are said there first, and the client hears what
 * that server says. Nobody is accepted here who would be refused there.
 *
 * A server that cannot be reached, or that is lost on the way, has no say: the message goes to the next queue plugin, in the end 451. Where another
 * plugin changes the recipients, what that server was told no longer holds, and the message is not given to it.
 */
import {
  defer,
  deny,
  fileShape,
  type HookEvent,
  type LiveHop,
  ok,
  type Plugin,
  type Recipient,
  type Said,
  type Transaction,
} from "kasi";
import { clientOf } from "./hand_on.ts";
import { destinationsOf, NEXT_HOP, OLD_KEYS, OWN_TLS, unheededTls } from "./next_hop_ini.ts";
import { isForAnother } from "./wants.ts";

const SMTP_PROXY_INI = fileShape({
  file: "smtp_proxy.ini",
  about: "The server that is asked at each step while a client sends.",
  shape: {
    main: {
      ...NEXT_HOP,
      enable_outbound: { type: "boolean", default: true, about: "Hand on the mail of relaying clients too." },
      ...OLD_KEYS,
    },
    tls: OWN_TLS,
  },
});

interface Proxied {
  readonly hop: LiveHop;
  /** Whom the server has taken. */
  readonly told: Recipient["address"][];
}

export default {
  name: "queue/smtp_proxy",
  about: "Hands mail on to another server step by step, while the client sends.",
  files: [SMTP_PROXY_INI],
  async setup({ name, config, forwarder, log }) {
    const settings = await config.ini(SMTP_PROXY_INI);
    const unheeded = unheededTls("smtp_proxy.ini", settings.value.tls);
    if (unheeded !== undefined) log.warn(unheeded);
    const underWay = new WeakMap<Transaction, Proxied>();
    let turn = 0;

    const drop = (transaction: Transaction) => {
      underWay.get(transaction)?.hop.close();
      underWay.delete(transaction);
    };
    /** What the client is told. Whatever it is at RCPT, the other recipients may still be taken. */
    const pass = (said: Said, transaction: Transaction, { keep = false } = {}): ReturnType<typeof deny> | undefined => {
      if (said.kind === "taken") return undefined;
      const { text, status, reply } = said.reason;
      if (!keep || said.kind === "broken") drop(transaction);
      if (said.kind === "broken") {
        transaction.log.warn(`backend failure: ${text}`);
        return undefined;
      }
      transaction.results.add(name, { fail: text });
      const options = { enhanced: reply?.enhanced ?? status, ...(reply !== undefined && { code: reply.code }) };
      return said.verdict === "failed" ? deny(reply?.text ?? text, options) : defer(reply?.text ?? text, options);
    };

    const hand = async ({ session, transaction, message, signal }: HookEvent<"queue">) => {
      const proxied = underWay.get(transaction);
      if (proxied === undefined || isForAnother(transaction, "smtp_proxy")) return;
      if (session.relaying && !settings.value.main.enable_outbound) return;
      const { hop, told } = proxied;
      const wanted = transaction.recipients.map(({ address }) => address.address);
      if (wanted.join("\n") !== told.map(({ address }) => address).join("\n")) {
        transaction.log.error("the recipients were changed since the server behind was told: not handed on");
        drop(transaction);
        return;
      }
      const said = await hop.content(message, signal);
      if (said.kind !== "taken") return pass(said, transaction);
      const { text } = said.reply;
      const line = typeof text === "string" ? text : text.join(" ");
      transaction.results.add(name, { pass: line });
      drop(transaction);
      return ok(line);
    };

    return {
      async mail({ session, transaction, sender, parameters, signal }) {
        const { main } = settings.value;
        if (session.relaying && !main.enable_outbound) return;
        const client = clientOf(session);
        const destinations = destinationsOf(main, turn++).map((hop) => ({ ...hop, client }));
        if (destinations.length === 0) {
          transaction.log.error("smtp_proxy.ini names no host");
          return;
        }
        const { smtpUtf8, wanted, log } = transaction;
        const size = Number(parameters.get("SIZE") ?? NaN);
        const begun = await forwarder.begin(
          { envelope: { sender, smtpUtf8, wanted }, log, ...(size >= 0 && { size }) },
          destinations,
          signal,
        );
        if (begun.kind === "taken") underWay.set(transaction, { hop: begun.hop, told: [] });
        return pass(begun, transaction);
      },

      rcpt_ok: {
        // Last, like delay_deny in front of it: the server behind cannot be told that another plugin has refused a recipient after all.
        priority: 100,
        async run({ transaction, recipient, signal }) {
          const proxied = underWay.get(transaction);
          if (proxied === undefined) return;
          const said = await proxied.hop.rcpt(recipient, signal);
          if (said.kind === "taken") proxied.told.push(recipient.address);
          return pass(said, transaction, { keep: true });
        },
      },

      async data({ transaction, signal }) {
        const proxied = underWay.get(transaction);
        return proxied && pass(await proxied.hop.data(signal), transaction);
      },

      queue: hand,
      queue_outbound: hand,

      reset_transaction: async ({ transaction }) => drop(transaction),
    };
  },
} satisfies Plugin;
