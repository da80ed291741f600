/**
 * Tells bounces of mail we have sent from those that spammers cause or forge.
 *
 * Looks at mail with the null sender: its recipients, its Return-Path, where the mail it returns came from, and whether that mail
 * carries the hash that we put on what goes out. Clients that may relay are not asked.
 */
import {
  type Address,
  checkSpf,
  type Config,
  deadline,
  deny,
  everyPart,
  type HookEvent,
  isGlobalUnicast,
  ok,
  organizationalDomain,
  parseAddress,
  type Part,
  partsOf,
  type Plugin,
} from "kasi";
import { checkHash, HASH_FIELD, hashKey, hashOf } from "./bounce_hash.ts";
import { BOUNCE_INI, makes } from "./bounce_ini.ts";

/** Octets of a bounce that are looked at: what it returns stands near its beginning. */
const LOOK_AT = 1024 * 1024;
/** Hops whose address SPF is asked about. */
const MOST_HOPS = 10;
/** SPF may take as long as a hook may, less a second. */
const SPF_MS = 29_000;

const REFUSAL = { enhanced: "5.7.1" };

export default {
  name: "bounce",
  about: "Checks that bounces are bounces, and of mail that we sent.",
  files: [BOUNCE_INI],
  async setup({ name, config, log, machine, server }) {
    const settings = await config.ini(BOUNCE_INI);
    const badRecipients = await config.list("bounce_bad_rcpt");
    const whitelist = await bounceWhitelist(config);
    let key = readKey();
    settings.onChange(() => key = readKey());

    function readKey(): Promise<CryptoKey> | undefined {
      if (!makes(settings.value, "hash_validation")) return undefined;
      const found = hashKey(settings.value);
      if ("key" in found) return found.key;
      log.error(`bounce.ini: hash_validation is off: ${found.wrong}`);
    }

    const isBounce = ({ session, transaction }: Pick<HookEvent<"data">, "session" | "transaction">) =>
      transaction.sender.isNull() && !session.relaying;

    async function signOutgoing({ transaction, message }: HookEvent<"data_post">): Promise<void> {
      if (key === undefined || transaction.sender.isNull()) return;
      message.header.remove(HASH_FIELD);
      const hash = await hashOf(message.header, await key);
      if (hash !== undefined) message.header.add(HASH_FIELD, hash);
    }

    function checkReturnPath({ transaction: { results }, message: { header } }: HookEvent<"data_post">) {
      if (!makes(settings.value, "empty_return_path")) return;
      // RFC 3834 §4 and RFC 5321 §4.4: a reply of a machine has nobody to be answered to.
      if (header.getAll("Return-Path").every((path) => path === "<>")) {
        return void results.add(name, { pass: "empty_return_path" });
      }
      results.add(name, { fail: "empty_return_path" });
      if (settings.value.reject.empty_return_path) return deny("Bounce with a Return-Path", REFUSAL);
    }

    /** "valid": this is ours, and nothing more need be asked. */
    async function checkOurs(event: HookEvent<"data_post">, bounce: Part) {
      const { value } = settings;
      const { results, recipients } = event.transaction;
      if (key === undefined) return;
      const found = await checkHash(bounce, await key, machine.clock.now());
      switch (found.kind) {
        case "nothing":
          return void results.add(name, { skip: "validate_bounce" });
        case "good":
          if (makes(value, "hash_date") && found.ageDays > value.validation.max_hash_age_days) {
            results.add(name, { fail: "bounce_date" });
            return value.reject.hash_date ? deny("Invalid bounce: the mail is too old", REFUSAL) : undefined;
          }
          results.add(name, { pass: "validate_bounce" });
          return "valid";
        case "unsigned": {
          const from = addressIn(found.from);
          const rcpt = recipients[0]?.address;
          if (from === undefined || rcpt === undefined || whitelist(rcpt, from)) {
            return void results.add(name, { skip: "validate_bounce" });
          }
          break;
        }
        case "bad":
          break;
      }
      results.add(name, { fail: "validate_bounce" });
      if (value.reject.hash_validation) return deny("Invalid bounce: we have not sent this mail", REFUSAL);
    }

    function checkMessageId({ transaction: { results } }: HookEvent<"data_post">, texts: readonly string[]) {
      if (!makes(settings.value, "non_local_msgid")) return;
      const ids = texts.flatMap((text) => [...text.matchAll(/^Message-ID:\s*(\S*)/gim)].map((found) => found[1]!));
      const domains = ids.flatMap((id) => /@([^\s>]+)>?/.exec(id)?.[1] ?? []);
      const fail = ids.length === 0
        ? "Message-ID"
        : domains.length === 0
        ? "Message-ID parseable"
        : domains.some((domain) => organizationalDomain(domain).includes("."))
        ? undefined
        : "Message-ID valid domain";
      if (fail === undefined) return void results.add(name, { pass: "Message-ID valid domain" });
      results.add(name, { fail });
      if (settings.value.reject.non_local_msgid) return deny("Bounce without the Message-ID of a mail", REFUSAL);
    }

    async function checkHops({ transaction, signal }: HookEvent<"data_post">, texts: readonly string[]) {
      const { results, recipients } = transaction;
      const rcpt = recipients[0]?.address;
      const ips = hopsIn(texts);
      if (!makes(settings.value, "bounce_spf") || rcpt === undefined || rcpt.host === "" || ips.length === 0) return;
      const limit = deadline(machine.clock, SPF_MS, "SPF of a bounce", signal);
      const { resolver } = machine;
      const sender = rcpt.address;
      try {
        const asked = await Promise.all(
          ips.map((ip) => checkSpf({ ip, helo: rcpt.host, sender, me: server.name, resolver, signal: limit.signal })),
        );
        const said = asked.map(({ result }) => result);
        if (said.includes("pass")) return void results.add(name, { pass: "bounce_spf" });
        // Nobody can say: that proves nothing.
        if (said.some((one) => one === "none" || one === "temperror" || one === "permerror")) {
          return void results.add(name, { skip: "bounce_spf" });
        }
      } catch (fault) {
        if (!limit.signal.aborted || signal.aborted) throw fault;
        return void results.add(name, { skip: "bounce_spf(timeout)" });
      } finally {
        limit.end();
      }
      results.add(name, { fail: "bounce_spf" });
      if (settings.value.reject.bounce_spf) return deny("Invalid bounce: the mail came from elsewhere", REFUSAL);
    }

    return {
      mail: {
        priority: -5,
        run({ session, transaction, sender }) {
          const { results } = transaction;
          results.add(name, { isa: sender.isNull() });
          if (!sender.isNull() || session.relaying) return;
          if (!settings.value.reject.all_bounces && !settings.value.check.reject_all) return;
          results.add(name, { fail: "bounces_accepted" });
          return deny("No bounces accepted here", REFUSAL);
        },
      },

      rcpt_ok({ session, transaction, recipient }) {
        if (!isBounce({ session, transaction }) || !makes(settings.value, "bad_rcpt")) return;
        const address = recipient.address.address.toLowerCase();
        if (!badRecipients.value.some((bad) => bad.toLowerCase() === address)) return;
        transaction.results.add(name, { fail: "bad_rcpt" });
        if (settings.value.reject.bad_rcpt) return deny("This recipient sends no mail and gets no bounces", REFUSAL);
      },

      data({ session, transaction }) {
        const { results, recipients, sender } = transaction;
        if (!sender.isNull() || !makes(settings.value, "single_recipient")) return;
        if (recipients.length === 1) return void results.add(name, { pass: "single_recipient" });
        if (session.relaying) return void results.add(name, { skip: "single_recipient(relay)" });
        if (session.remote.isPrivate) return void results.add(name, { skip: "single_recipient(private_ip)" });
        results.add(name, { fail: "single_recipient" });
        if (settings.value.reject.single_recipient) return deny("A bounce has one recipient", REFUSAL);
      },

      data_post: {
        // Before `headers` takes Return-Path off.
        priority: -5,
        async run(event) {
          if (event.session.relaying) return void await signOutgoing(event);
          if (!isBounce(event)) return;
          const returned = checkReturnPath(event);
          if (returned !== undefined) return returned;
          const bounce = await partsOf(event.message, LOOK_AT, event.signal);
          const ours = await checkOurs(event, bounce);
          if (typeof ours === "object") return ours;
          const isOurs = ours === "valid";
          if (isOurs && settings.value.skip.remaining_plugins) return ok();
          const texts = [...everyPart(bounce)].map((part) => part.text());
          return checkMessageId(event, texts) ?? (isOurs ? undefined : await checkHops(event, texts));
        },
      },
    };
  },
} satisfies Plugin;

/** bounce_whitelist.json: recipient → senders, or `*@domain`, whose mail comes back without our hash. */
async function bounceWhitelist(config: Config): Promise<(rcpt: Address, from: Address) => boolean> {
  const file = await config.tree("bounce_whitelist.json");
  return (rcpt, from) => {
    const all = file.value as { readonly [rcpt: string]: unknown };
    const senders = Object.hasOwn(all ?? {}, rcpt.address.toLowerCase()) ? all[rcpt.address.toLowerCase()] : [];
    const wanted = [from.address.toLowerCase(), `*@${from.host}`];
    return [senders].flat().some((sender) => typeof sender === "string" && wanted.includes(sender.toLowerCase()));
  };
}

/** The address in a From: in angle brackets, or by itself. */
function addressIn(text: string): Address | undefined {
  const parsed = parseAddress(`<${/<([^<>]*)>\s*$/.exec(text)?.[1] ?? text.trim()}>`);
  return parsed === undefined || parsed.host === "" ? undefined : parsed;
}

/** Public addresses in the Received lines of the mail that came back. */
function hopsIn(texts: readonly string[]): readonly string[] {
  const lines = texts.flatMap((text) => text.match(/^Received:.*(?:\r?\n[ \t].*)*/gim) ?? []);
  const ips = lines.flatMap((line) =>
    [...line.matchAll(/\[(?:IPv6:)?([0-9a-f:.]+)\]/gi)].map((found) => found[1]!).filter(isGlobalUnicast)
  );
  return [...new Set(ips)].slice(0, MOST_HOPS);
}
