/**
 * Lets in or keeps out by lists: clients by address and reverse name, senders and recipients by address, and domains wherever they turn up
 * (`access.domains`).
 */
import { authorsOf, deny, fileShape, type HookEvent, isIpLiteral, ok, type Plugin, type Session } from "kasi";
import { domainList, DOMAINS_FILE, type Listed } from "./access_domains.ts";
import { phaseLists } from "./access_lists.ts";

const check = (what: string) => ({ type: "boolean", default: true, about: `Look ${what}` }) as const;
const text = (what: string) => ({ type: "text", default: "is not welcome here", about: what }) as const;
const ACCESS_INI = fileShape({
  file: "access.ini",
  about: "Which lists are looked at, and what those on a blacklist are told.",
  shape: {
    check: {
      any: check("for domains of access.domains in every phase."),
      conn: check("for clients in the connect.rdns_access lists."),
      mail: check("for senders in the mail_from.access lists."),
      rcpt: check("for recipients in the rcpt_to.access lists."),
    },
    rcpt: {
      accept: {
        type: "boolean",
        default: false,
        about: "A recipient on the whitelist is accepted, and no later plugin is asked.",
      },
    },
    deny_msg: {
      conn: text("What a refused client is told, behind its name."),
      mail: text("What is said of a refused sender, behind the address."),
      rcpt: text("What is said of a refused recipient, behind the address."),
    },
  },
});
/** Where the texts stood before access.ini: read when the file is there. */
const older = (file: string) =>
  fileShape({
    file,
    about: "An older place of a text of access.ini; it wins when it is there.",
    shape: { general: { deny_msg: { type: "optional-text", about: "What those on the blacklist are told." } } },
  });
const OLDER = {
  conn: older("connect.rdns_access.ini"),
  mail: older("mail_from.access.ini"),
  rcpt: older("rcpt_to.access.ini"),
};
/** What stands in the place of a name that could not be found (spec 01 §8.1). */
const NO_NAME = new Set(["", "Unknown", "NXDOMAIN", "DNSERROR"]);

export default {
  name: "access",
  about: "Lets in or keeps out by lists of clients, senders, recipients and domains.",
  files: [ACCESS_INI, ...Object.values(OLDER)],
  async setup({ name, config, log }) {
    const settings = await config.ini(ACCESS_INI);
    const texts = {
      conn: await config.ini(OLDER.conn),
      mail: await config.ini(OLDER.mail),
      rcpt: await config.ini(OLDER.rcpt),
    };
    const lists = {
      conn: await phaseLists("connect.rdns_access", config, log),
      mail: await phaseLists("mail_from.access", config, log),
      rcpt: await phaseLists("rcpt_to.access", config, log),
    };
    const listedDomain = await domainList(config);
    const textOf = (phase: keyof typeof texts) => texts[phase].value.general.deny_msg ?? settings.value.deny_msg[phase];

    /** `access.domains` at one hook. */
    const any = (session: Session, hook: string, host: string, address?: string) => {
      if (!settings.value.check.any) return;
      const { results } = session;
      if (!host.includes(".")) return void results.add(name, { fail: `invalid domain: ${host}` });
      const listed = listedDomain(host, address);
      switch (listed?.is) {
        case "exempt":
          return void results.add(name, { pass: `${hook}:${DOMAINS_FILE}`, whitelist: true, emit: true });
        case "blocked":
          results.add(name, { fail: `${DOMAINS_FILE}(${listed.entry})`, blacklist: true, emit: true });
          return deny("You are not welcome here", { enhanced: "5.7.1" });
        case undefined:
          return void results.add(name, { msg: `unlisted(${hook}:any)` });
      }
    };
    const atHello = (hook: "helo" | "ehlo") => ({ session, host }: HookEvent<"helo">) =>
      isIpLiteral(host) ? undefined : any(session, hook, host);

    return {
      connect({ session }) {
        const { ip, host } = session.remote;
        const rdns = NO_NAME.has(host) ? "" : host;
        if (settings.value.check.conn) {
          const found = lists.conn.find([ip, rdns]);
          if (found?.colour === "black") {
            session.results.add(name, { fail: found.file, emit: true });
            return deny(`${rdns === "" ? "" : `${rdns} `}[${ip}] ${textOf("conn")}`, { hangUp: true });
          }
          if (found !== undefined) session.results.add(name, { pass: found.file, whitelist: true, emit: true });
          else session.results.add(name, { msg: "unlisted(conn)" });
        }
        return rdns === "" ? undefined : any(session, "connect", rdns);
      },

      helo: atHello("helo"),
      ehlo: atHello("ehlo"),

      mail({ session, transaction: { results }, sender }) {
        const { address } = sender;
        if (settings.value.check.mail) {
          const found = address === "" ? undefined : lists.mail.find([address]);
          if (address === "") results.add(name, { skip: "null sender" });
          else if (found === undefined) results.add(name, { msg: "unlisted(mail)" });
          else if (found.colour === "white") results.add(name, { pass: found.file, emit: true });
          else {
            results.add(name, { fail: found.file, emit: true });
            return deny(`${address} ${textOf("mail")}`, { enhanced: "5.7.1" });
          }
        }
        return sender.host === "" ? undefined : any(session, "mail", sender.host, address);
      },

      rcpt({ session, transaction: { results }, recipient }) {
        const { address, host } = recipient.address;
        if (settings.value.check.rcpt) {
          const found = address === "" ? undefined : lists.rcpt.find([address]);
          if (address === "") results.add(name, { skip: "null rcpt" });
          else if (found === undefined) results.add(name, { msg: "unlisted(rcpt)" });
          else if (found.colour === "white") {
            results.add(name, { pass: found.file, emit: true });
            if (settings.value.rcpt.accept) return ok();
          } else {
            results.add(name, { fail: found.file, emit: true });
            return deny(`${address} ${textOf("rcpt")}`, { enhanced: "5.7.1" });
          }
        }
        return host === "" ? undefined : any(session, "rcpt", host, address);
      },

      async data_post({ session, transaction: { results }, message }) {
        if (!settings.value.check.any) return;
        const { addresses, fields } = await authorsOf(message);
        if (fields === 0) return void results.add(name, { fail: "data(missing_from)" });
        if (addresses.length === 0) {
          return void results.add(name, { fail: `data(unparsable_from:${message.header.get("From") ?? ""})` });
        }
        const found: Listed[] = [];
        for (const address of addresses) {
          const host = address.slice(address.lastIndexOf("@") + 1);
          // A name without a dot belongs to nobody, and is on no list.
          if (host.includes(".")) found.push(listedDomain(host, address));
          else results.add(name, { fail: `data(no_od_from:${address})` });
        }
        const blocked = found.find((listed) => listed?.is === "blocked");
        if (blocked !== undefined) {
          session.results.add(name, { fail: `${DOMAINS_FILE}(${blocked.entry})`, blacklist: true, emit: true });
          return deny("Mail from this domain is not welcome here", { enhanced: "5.7.1" });
        }
        // One author that is exempt does not vouch for the others.
        if (found.length > 0 && found.every((listed) => listed?.is === "exempt")) {
          session.results.add(name, { pass: `data_post:${DOMAINS_FILE}`, whitelist: true, emit: true });
        } else session.results.add(name, { msg: "unlisted(any)" });
      },
    };
  },
} satisfies Plugin;
