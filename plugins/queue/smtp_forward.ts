/**
 * Hands messages to another server while the client waits, and passes its answer on (`hand_on.ts` says what comes of partial ones); may take the
 * recipients that the server's domains have, and keep strangers from sending as these.
 */
import { answer, defer, deny, type Envelope, type HookEvent, ok, parseDestination, type Plugin } from "kasi";
import { handOn } from "./hand_on.ts";
import { destinationsOf, unheededTls } from "./next_hop_ini.ts";
import { nextHop, sectionFor, sectionOf, SMTP_FORWARD_INI } from "./smtp_forward_ini.ts";
import { isForAnother } from "./wants.ts";

export default {
  name: "queue/smtp_forward",
  about: "Hands messages to another server while the client waits.",
  files: [SMTP_FORWARD_INI],
  async setup(host) {
    const { name, config, log } = host;
    const settings = await config.ini(SMTP_FORWARD_INI);
    const unheeded = unheededTls("smtp_forward.ini", settings.value.tls);
    if (unheeded !== undefined) log.warn(unheeded);
    let turn = 0;

    const forward = async (event: HookEvent<"queue">) => {
      const { session, transaction } = event;
      const { sender, recipients } = transaction;
      const hop = sectionFor(settings.value, sender, recipients[0]?.address.host ?? "") ?? settings.value.main;
      if (isForAnother(transaction, "smtp_forward") || (session.relaying && !hop.enable_outbound)) return;
      const destinations = destinationsOf(hop, turn++);
      if (destinations.length === 0) {
        transaction.log.error("smtp_forward.ini names no host for this message");
        return;
      }
      const restNotes = { queue: { wants: "smtp_forward", next_hop: nextHop(hop) } };
      return await handOn(host, event, {
        destinations,
        oneEach: hop.one_message_per_rcpt,
        restNotes,
        forClient: true,
      });
    };

    return {
      mail({ session, transaction, sender }) {
        const section = sectionOf(settings.value, sender.host);
        if (!(section ?? settings.value.main).check_sender) return;
        const { results, notes } = transaction;
        if (sender.host === "") return void results.add(name, { skip: "mail_from.null" });
        if (section === undefined) return;
        notes.set("local_sender", true);
        if (session.relaying) return void results.add(name, { pass: "mail_from" });
        results.add(name, { fail: "mail_from!spoof" });
        return deny("Spoofed MAIL FROM", { enhanced: "5.7.1" });
      },

      rcpt({ session, transaction, recipient }) {
        const { host } = recipient.address;
        const hop = sectionOf(settings.value, host);
        if (!(hop ?? settings.value.main).check_recipient) return;
        const { results, notes } = transaction;
        if (host === "") return void results.add(name, { skip: "rcpt!domain" });
        if (session.relaying && notes.get("local_sender")) {
          notes.set("queue.wants", "outbound");
          results.add(name, { pass: "relaying local_sender" });
          return ok();
        }
        if (hop === undefined) return void results.add(name, { msg: "rcpt!local" });
        const wants = hop.queue ?? "smtp_forward";
        const next = nextHop(hop);
        if (notes.get("queue.wants") === undefined) {
          notes.set("queue.wants", wants);
          notes.set("queue.next_hop", next);
        } else if (notes.get("queue.wants") !== wants || notes.get("queue.next_hop") !== next) {
          results.add(name, { pass: "rcpt_to.split" });
          return defer("Split transaction, retry soon", { enhanced: "4.5.3" });
        }
        results.add(name, { pass: "rcpt_to" });
        return ok();
      },

      queue: forward,
      queue_outbound: forward,

      get_mx({ item, domain }) {
        const { wants, next_hop } = queueNote(item.envelope);
        if (wants !== undefined && wants !== "smtp_forward" && wants !== "outbound") return;
        const hop = sectionFor(settings.value, item.envelope.sender, domain);
        // The section knows what a note must not: credentials.
        const known = [hop, settings.value.main].find((hop) => hop !== undefined && nextHop(hop) === next_hop);
        if (wants === "smtp_forward" && next_hop !== undefined) {
          return answer(known === undefined ? [parseDestination(next_hop)] : destinationsOf(known));
        }
        const destinations = hop === undefined ? [] : destinationsOf(hop);
        return destinations.length === 0 ? undefined : answer(destinations);
      },
    };
  },
} satisfies Plugin;

function queueNote(envelope: Envelope): { wants?: string; next_hop?: string } {
  const note = envelope.notes.queue;
  return typeof note === "object" && note !== null ? note : {};
}
