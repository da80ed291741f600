/**
 * DMARC: holds what the plugins spf and dkim found against the domain in From, and does as its owner asks where dmarc.ini says so.
 *
 * Runs behind dkim. Refuses only with `[reject] enabled`; a resolver's trouble refuses nothing unless `[defer] temperror` says so.
 */
import { checkDmarc, defer, deny, fileShape, type Plugin, type Session, type Transaction } from "kasi";
import { comment, inTime, noteResult, property } from "./mailauth_notes.ts";

const DMARC_INI = fileShape({
  file: "dmarc.ini",
  about: "What follows from DMARC (RFC 9989).",
  shape: {
    main: {
      timeout: {
        type: "number",
        default: 29,
        min: 1,
        about: "Seconds that a check may take; after that the mail goes on without it.",
      },
    },
    skip: {
      relaying: {
        type: "boolean",
        default: true,
        about: "Do not ask about clients that may relay: their mail is ours to answer for.",
      },
    },
    reject: {
      enabled: {
        type: "boolean",
        default: false,
        about: "Refuse mail that fails when the domain's owner asks for that (p=reject).",
      },
    },
    defer: {
      temperror: { type: "boolean", default: false, about: "Put off mail when the policy cannot be looked up." },
    },
    arc: {
      trusted: {
        type: "words",
        default: [],
        about:
          "Domains of forwarders: mail that fails here is let pass when one of them sealed it last and says that it had passed (plugin arc).",
      },
    },
  },
});

export default {
  name: "dmarc",
  about: "Checks DMARC over what spf and dkim found.",
  files: [DMARC_INI],
  async setup({ name, config, machine }) {
    const settings = await config.ini(DMARC_INI);
    return {
      data_post: {
        priority: 10,
        async run({ session, transaction, message, signal }) {
          const { main, skip, reject, defer: putOff, arc } = settings.value;
          const { results, notes } = transaction;
          if (skip.relaying && session.relaying) return void results.add(name, { skip: "relay" });
          const { clock, resolver } = machine;
          const found = await inTime(
            { clock, seconds: main.timeout, what: "DMARC", signal },
            (signal) =>
              checkDmarc({
                message,
                spf: spfDomain(session, transaction),
                dkim: dkimDomains(transaction),
                resolver,
                signal,
              }),
          );
          if (found === "late") return void results.add(name, { err: "timeout" });
          const { result, domain, policy, reason } = found;
          const said = comment(found.record === undefined ? reason : `p=${policy}`);
          noteResult(notes, `dmarc=${result}${said}${domain === "" ? "" : ` header.from=${property(domain)}`}`);
          notes.set("dmarc", { result, domain, policy });
          results.add(name, { result, domain, policy, emit: true });
          switch (result) {
            case "pass":
              return void results.add(name, { pass: domain });
            case "none":
              return void results.add(name, { skip: "no policy" });
            case "permerror":
              return void results.add(name, { skip: reason });
            case "temperror":
              results.add(name, { err: reason });
              return putOff.temperror
                ? defer(`DMARC policy of ${domain} cannot be looked up now`, { enhanced: "4.7.0" })
                : undefined;
            case "fail": {
              const sealer = sealedAsPassed(transaction);
              if (sealer !== undefined && arc.trusted.includes(sealer)) {
                return void results.add(name, { msg: `failed, but ${sealer} says that it passed` });
              }
              results.add(name, { fail: `${domain} (${policy})` });
              // RFC 7372 §3.3
              return reject.enabled && policy === "reject"
                ? deny(`DMARC policy of ${domain} refuses this mail`, { code: 550, enhanced: "5.7.26" })
                : undefined;
            }
          }
        },
      },
    };
  },
} satisfies Plugin;

/** The domain that SPF passed for: the sender's; with a null sender, which is the HELO name's mail, that name. */
function spfDomain({ notes: greeted, hello }: Session, { results, notes, sender }: Transaction): string | undefined {
  if (sender.isNull()) return greeted.get("spf_helo") === "Pass" ? hello?.host : undefined;
  const domain = results.get("spf")?.domain;
  return notes.get("spf_mail_result") === "Pass" && typeof domain === "string" ? domain : undefined;
}

function dkimDomains({ notes }: Transaction): string[] {
  const found = notes.get("dkim_results");
  return (Array.isArray(found) ? found : []).filter(({ result }) => result === "pass").map(({ domain }) => domain);
}

/** Who sealed last, when the plugin arc found the chain whole and the sealer says that DMARC had passed. */
function sealedAsPassed({ notes }: Transaction): string | undefined {
  const found = notes.get("arc") as { result?: string; sealer?: string; dmarc?: string } | undefined;
  return found?.result === "pass" && found.dmarc === "pass" ? found.sealer : undefined;
}
