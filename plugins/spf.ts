/**
 * SPF for the HELO name and for the sender's domain.
 *
 * Notes what it finds, adds Received-SPF and a result for Authentication-Results, and refuses only what spf.ini says. A check that
 * takes too long refuses nothing.
 */
import {
  checkSpf,
  defer,
  deny,
  isGlobalUnicast,
  isIpLiteral,
  type Plugin,
  type Refusal,
  type Session,
  SMTP_INI,
  type SpfFinding,
  type SpfResult,
  type Transaction,
} from "kasi";
import { comment, hurried, inTime, noteResult, property } from "./mailauth_notes.ts";
import { SPF_INI } from "./spf_ini.ts";

/** The words Haraka keeps results under. */
const WORDS: { readonly [R in SpfResult]: string } = {
  none: "None",
  neutral: "Neutral",
  pass: "Pass",
  fail: "Fail",
  softfail: "SoftFail",
  temperror: "TempError",
  permerror: "PermError",
};
type Scope = "helo" | "mfrom";

export default {
  name: "spf",
  about: "Checks SPF for the HELO name and for the sender.",
  files: [SPF_INI],
  async setup({ name, config, machine, server }) {
    const settings = await config.ini(SPF_INI);
    const smtp = await config.ini(SMTP_INI);
    /** What the last greeting came to, and whose it was. */
    const greetings = new WeakMap<Session, SpfFinding & { readonly ip: string }>();
    const received = new WeakMap<Transaction, string>();

    const ask = (ip: string, helo: string, sender: string, signal: AbortSignal) => {
      const { clock } = machine;
      const { lookup_timeout, dns_timeout } = settings.value.main;
      const resolver = hurried(machine.resolver, clock, dns_timeout);
      return inTime(
        { clock, seconds: lookup_timeout, what: "SPF", signal },
        (signal) => checkSpf({ ip, helo, sender, me: server.name, resolver, signal }),
      );
    };
    const ownIp = () => smtp.value.main.public_ip ?? machine.localAddresses().find(isGlobalUnicast);

    /** Skips that HELO and MAIL share. */
    const skipped = ({ relaying, auth }: Session) =>
      settings.value.skip.relaying && relaying
        ? "relay"
        : settings.value.skip.auth && auth !== undefined
        ? "auth"
        : undefined;

    async function greeted({ session, host, signal }: { session: Session; host: string; signal: AbortSignal }) {
      const { results, notes, remote } = session;
      const before = greetings.get(session);
      if (before?.domain === host && before.ip === remote.ip) return;
      greetings.delete(session);
      notes.set("spf_helo", undefined);
      const why = skipped(session) ?? (remote.isPrivate ? "private_ip" : undefined);
      if (why !== undefined) return void results.add(name, { skip: `helo(${why})` });
      if (isIpLiteral(host)) return void results.add(name, { skip: "helo(ip_literal)" });
      const found = await ask(remote.ip, host, "", signal);
      if (found === "late") return void results.add(name, { err: "helo(timeout)" });
      const result = WORDS[found.result];
      greetings.set(session, { ...found, domain: host, ip: remote.ip });
      notes.set("spf_helo", result);
      results.add(name, { scope: "helo", result, domain: host, ...(found.result === "pass" ? { pass: host } : {}) });
    }

    function refusal(
      scope: Scope,
      found: Pick<SpfFinding, "result" | "domain">,
      relaying: boolean,
    ): Refusal | undefined {
      const { result, domain } = found;
      const { value } = settings;
      if (result === "temperror") {
        if (!(relaying ? value.defer_relay : value.defer)[`${scope}_temperror`]) return;
        return defer(`SPF of ${domain} cannot be looked up now`, { code: 451, enhanced: "4.7.24" });
      }
      if (result === "pass" || result === "neutral") return;
      if (!(relaying ? value.deny_relay : value.deny)[`${scope}_${result}`]) return;
      if (result === "none") return deny(`${domain} has no SPF policy`, { enhanced: "5.7.1" });
      return deny(`SPF of ${domain} says ${WORDS[result]}`, { enhanced: "5.7.23" });
    }

    return {
      helo: greeted,
      ehlo: greeted,

      async mail({ session, transaction, sender, signal }) {
        const { results, notes } = transaction;
        const { relaying, remote } = session;
        const why = skipped(session);
        if (why !== undefined) return void results.add(name, { skip: `host(${why})` });
        const asSelf = relaying && settings.value.relay.context === "myself";
        if (remote.isPrivate && !asSelf) {
          if (relaying) results.add(name, { skip: "host(private_ip)" });
          return;
        }
        const helo = session.hello?.host ?? "";

        if (sender.isNull()) {
          const found = greetings.get(session);
          if (found === undefined || found.domain !== helo || found.ip !== remote.ip) {
            return void session.notes.set("spf_helo", undefined);
          }
          noteResult(notes, `spf=${found.result} smtp.helo=${property(helo)}`);
          received.set(transaction, receivedSpf(found, "helo", session, ""));
          return refusal("helo", found, relaying);
        }

        let found = await ask(remote.ip, helo, sender.address, signal);
        const own = asSelf && found !== "late" && found.result !== "pass" ? ownIp() : undefined;
        if (own !== undefined) found = await ask(own, server.name, sender.address, signal);
        if (found === "late") return void results.add(name, { err: "host(timeout)" });
        const { result, domain, record, reason } = found;
        results.add(name, { scope: "mfrom", result: WORDS[result], domain, emit: true });
        if (reason !== "") results.add(name, { msg: reason });
        if (result === "pass") session.results.add(name, { pass: domain });
        notes.set("spf_mail_result", WORDS[result]);
        if (record !== undefined) notes.set("spf_mail_record", record);
        noteResult(notes, `spf=${result} smtp.mailfrom=${property(domain)}`);
        received.set(transaction, receivedSpf(found, "mailfrom", session, sender.address, own));
        return refusal("mfrom", found, relaying);
      },

      async data_post({ transaction, message }) {
        const value = received.get(transaction);
        if (value !== undefined) message.header.addLeading("Received-SPF", value);
      },
    };
  },
} satisfies Plugin;

/** RFC 7208 §9.1 */
function receivedSpf(
  { result, domain }: SpfFinding,
  identity: "helo" | "mailfrom",
  { remote, local, hello }: Session,
  sender: string,
  ip = remote.ip,
): string {
  const does = result === "pass" ? "designates" : "does not designate";
  return [
    WORDS[result],
    `${comment(`domain of ${domain} ${does} ${ip} as permitted sender`).trim()}`,
    `receiver=${local.host}; identity=${identity}; client-ip=${ip};`,
    `helo=${property(hello?.host ?? "")}; envelope-from=${
      sender === "" ? "<>" : `"${sender.replace(/["\\]/g, "\\$&")}"`
    }`,
  ].join("\r\n\t");
}
