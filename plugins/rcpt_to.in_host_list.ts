/** Accepts recipients whose domain is ours: the domains of `host_list` and `host_list_regex`. */
import { deny, ok, type Plugin } from "kasi";
import { hostList } from "./rcpt_to.host_list_base.ts";

export default {
  name: "rcpt_to.in_host_list",
  about: "Accepts recipients whose domain stands in host_list.",
  async setup(host) {
    const { name } = host;
    const ours = await hostList(host);
    const antiSpoof = await host.config.value("host_list.anti_spoof");
    return {
      mail({ session, transaction, sender }) {
        const { results, notes } = transaction;
        if (sender.host === "") return void results.add(name, { skip: "mail_from.null" });
        if (!ours.has(sender.host)) return void results.add(name, { msg: "mail_from!local" });
        if (isOn(antiSpoof.value) && !session.relaying) {
          results.add(name, { fail: "mail_from.anti_spoof" });
          return deny(`Mail from domain '${sender.host}' is not allowed from your host`, { enhanced: "5.7.1" });
        }
        results.add(name, { pass: "mail_from" });
        notes.set("local_sender", true);
      },

      rcpt({ session, transaction, recipient }) {
        const { results, notes } = transaction;
        const { host, user } = recipient.address;
        // RFC 5321 §4.5.1: `RCPT TO:<postmaster>`, without a domain, is always ours.
        if (host === "" && user.toLowerCase() === "postmaster") {
          results.add(name, { pass: "postmaster" });
          return ok();
        }
        if (host === "") return void results.add(name, { fail: "rcpt!domain" });
        if (ours.has(host)) {
          results.add(name, { pass: "rcpt_to" });
          return ok();
        }
        if (session.relaying && notes.get("local_sender")) {
          results.add(name, { pass: "relaying local_sender" });
          return ok();
        }
        results.add(name, { msg: "rcpt!local" });
      },
    };
  },
} satisfies Plugin;

function isOn(value: string | undefined): boolean {
  return value !== undefined && /^(?:true|yes|ok|enabled|on|1)$/i.test(value);
}
