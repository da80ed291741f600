/**
 * Hands messages to another server while the client waits, and passes its answer on.
 *
 * All recipients taken: ok with the server's words. None taken: its refusal, word for word. Some taken: the rest go to the outbound queue,
 * routed to the same server, which delivers or bounces them; a refusal of the whole would make the client send twice to those taken.
 * A server that cannot be reached leaves the message to the next queue plugin (in the end 451).
 */
import {
  type Address,
  answer,
  type Attempt,
  defer,
  deny,
  type Envelope,
  type HookEvent,
  ok,
  type Outcome,
  parseDestination,
  type Plugin,
} from "kasi";
import { chosenSection, destinationsOf, nextHop, sectionOf, SMTP_FORWARD_INI } from "./smtp_forward_ini.ts";
import { isForAnother } from "./wants.ts";

export default {
  name: "queue/smtp_forward",
  about: "Hands messages to another server while the client waits.",
  files: [SMTP_FORWARD_INI],
  async setup({ name, config, forwarder, enqueue, machine }) {
    const settings = await config.ini(SMTP_FORWARD_INI);
    let turn = 0;

    const forward = async ({ session, transaction, message, signal }: HookEvent<"queue">) => {
      const hop = chosenSection(settings.value, transaction);
      if (isForAnother(transaction, "smtp_forward") || (session.relaying && !hop.enable_outbound)) return;
      const destinations = destinationsOf(hop, turn++);
      const { id, sender, recipients, notes, smtpUtf8, wanted, log, results } = transaction;
      if (destinations.length === 0) {
        log.error("smtp_forward.ini names no host for this message");
        return;
      }
      const envelope: Envelope = { id, sender, recipients, notes: notes.toJSON(), smtpUtf8, wanted };
      const common = { envelope, attempts: 0, queuedAt: machine.clock.now(), size: message.size, log };
      const parts = hop.one_message_per_rcpt ? recipients.map((one) => [one]) : [recipients];
      const outcomes: Outcome[] = [];
      for (const [i, part] of parts.entries()) {
        const item = { ...common, id: `${id}.${i + 1}`, domain: part[0]?.address.host ?? "", recipients: part };
        const attempt: Attempt = await forwarder.send(item, message, destinations, signal);
        outcomes.push(...attempt.outcomes);
      }
      const [taken] = outcomes.filter((outcome) => outcome.kind === "delivered");
      const refused = outcomes.filter((outcome) => outcome.kind !== "delivered");
      if (taken !== undefined) {
        if (refused.length > 0) {
          const rest = refused.map(({ recipient }) => recipient);
          const routed = { ...envelope.notes, queue: { wants: "smtp_forward", next_hop: nextHop(hop) } };
          log.notice(`${rest.length} of ${outcomes.length} recipients were not taken and go to the outbound queue`);
          await enqueue({ ...envelope, recipients: rest, notes: routed }, message);
        }
        const text = lines(taken.reply.text);
        results.add(name, { pass: text });
        return ok(text);
      }
      return refusal(refused, (reason) => results.add(name, { fail: reason }), (reason) => log.warn(reason));
    };

    return {
      mail({ session, transaction, sender }) {
        if (!settings.value.main.check_sender) return;
        const { results, notes } = transaction;
        if (sender.host === "") return void results.add(name, { skip: "mail_from.null" });
        if (sectionOf(settings.value, sender.host) === undefined) return;
        notes.set("local_sender", true);
        if (session.relaying) return void results.add(name, { pass: "mail_from" });
        results.add(name, { fail: "mail_from!spoof" });
        return deny("Spoofed MAIL FROM", { enhanced: "5.7.1" });
      },

      rcpt({ session, transaction, recipient }) {
        if (!settings.value.main.check_recipient) return;
        const { results, notes } = transaction;
        const { host } = recipient.address;
        if (host === "") return void results.add(name, { skip: "rcpt!domain" });
        if (session.relaying && notes.get("local_sender")) {
          notes.set("queue.wants", "outbound");
          results.add(name, { pass: "relaying local_sender" });
          return ok();
        }
        const hop = sectionOf(settings.value, host);
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
        const hop = sectionOf(settings.value, selector(domain, item.envelope.sender));
        // The section knows what a note must not: credentials.
        const known = [hop, settings.value.main].find((hop) => hop !== undefined && nextHop(hop) === next_hop);
        if (wants === "smtp_forward" && next_hop !== undefined) {
          return answer(known === undefined ? [parseDestination(next_hop)] : destinationsOf(known));
        }
        const destinations = hop === undefined ? [] : destinationsOf(hop);
        return destinations.length === 0 ? undefined : answer(destinations);
      },
    };

    function selector(domain: string, sender: Address): string {
      return settings.value.main.domain_selector === "mail_from" ? sender.host : domain;
    }
  },
} satisfies Plugin;

type Refused = Exclude<Outcome, { kind: "delivered" }>;

/** Nobody was taken. A refusal for good outweighs one for now; without any reply the server was not reached. */
function refusal(refused: readonly Refused[], failed: (text: string) => void, unreached: (text: string) => void) {
  const said = refused.find(({ kind }) => kind === "failed") ??
    refused.find(({ reason }) => reason.reply !== undefined);
  if (said === undefined) {
    unreached(`backend failure: ${refused[0]?.reason.text ?? "nobody to send to"}`);
    return;
  }
  const { reply, text, status } = said.reason;
  failed(text);
  const words = reply?.text ?? text;
  const options = { enhanced: reply?.enhanced ?? status, ...(reply !== undefined && { code: reply.code }) };
  return said.kind === "failed" ? deny(words, options) : defer(words, options);
}

function queueNote(envelope: Envelope): { wants?: string; next_hop?: string } {
  const note = envelope.notes.queue;
  return typeof note === "object" && note !== null ? note : {};
}

function lines(text: string | readonly string[]): string {
  return typeof text === "string" ? text : text.join(" ");
}
