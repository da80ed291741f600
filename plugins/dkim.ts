/**
 * Signs what leaves (the sender's domain decides the key), and verifies what comes in. Refuses nothing.
 *
 * A message is signed once, over its octets as they leave. Results go to the notes, to Authentication-Results and to plugins that ask.
 */
import {
  type Address,
  authorsOf,
  type DkimSignature,
  type Message,
  Notes,
  type Plugin,
  signDkim,
  type Transaction,
  verifyDkim,
} from "kasi";
import { DKIM_INI } from "./dkim_ini.ts";
import { DKIM_SIGN_INI, DKIM_VERIFY_INI, dkimSettings } from "./dkim_old.ts";
import { dkimKeys, type DomainKey, keyIn } from "./dkim_keys.ts";
import { comment, inTime, noteResult, property } from "./mailauth_notes.ts";

/** Haraka's words in `notes.dkim_results`; Authentication-Results has those of RFC 8601. */
const WORDS: { readonly [R in DkimSignature["result"]]: string } = {
  pass: "pass",
  fail: "fail",
  neutral: "invalid",
  policy: "invalid",
  temperror: "tempfail",
};

export default {
  name: "dkim",
  about: "Signs mail that leaves, verifies signatures of mail that comes in.",
  files: [DKIM_INI, DKIM_SIGN_INI, DKIM_VERIFY_INI],
  async setup({ name, config, log, machine, server }) {
    const settings = await dkimSettings(config, machine, log);
    const keys = await dkimKeys(config, log);
    const fallback = await defaultKey();

    /** The key of dkim.ini, for senders without one of their own. */
    async function defaultKey(): Promise<DomainKey | undefined> {
      const file = await config.data("dkim.private.key", { watch: false });
      const { selector, domain } = settings.value.sign;
      if (file.value.length === 0 || selector === undefined || domain === undefined) return undefined;
      return { domain, selector, key: await keyIn("dkim.private.key", file.value.join("\n")) };
    }

    async function sign(
      message: Message,
      sender: Address,
      notes: Notes,
      note: (entry: object) => void,
      signal: AbortSignal,
    ) {
      const { sign, canon } = settings.value;
      if (!sign.enabled || notes.get("dkim_signed")) return;
      const domain = notes.get("forward") ? sender.host : await authorDomain(message) ?? sender.host;
      const own = keys.find(domain);
      if (own === undefined && fallback !== undefined) note({ msg: "using default key" });
      const { key, domain: signer, selector } = own ?? fallback ?? {};
      if (key === undefined || signer === undefined || selector === undefined) {
        return log.notice("Not signed: no key for this domain", { domain: domain || server.name });
      }
      const headers = sign.headers.split(/[\s,:;]+/).filter((header) => header !== "");
      try {
        const value = await signDkim(message, { key, domain: signer, selector, headers, body: canon.body, signal });
        message.header.addLeading("DKIM-Signature", value);
        notes.set("dkim_signed", true);
        note({ pass: value.replace(/\r\n\t/g, " ") });
      } catch (fault) {
        if (!(fault instanceof TypeError || fault instanceof RangeError)) throw fault;
        log.notice(`Not signed: ${fault.message}`, { domain: signer });
      }
    }

    function tell({ results, notes }: Transaction, found: readonly DkimSignature[]): void {
      for (const { result, domain, identity, selector, reason } of found) {
        results.push(name, { domain, identity, selector });
        if (result === "pass") results.add(name, { pass: domain });
        else {
          // As `err` it would be logged as an error of ours for every broken signature there is.
          results.add(name, { fail: domain, [result === "temperror" ? "err" : "msg"]: reason });
          if (result !== "fail") log[settings.value.verify.sigerror_log_level](`${domain}: ${reason}`);
        }
        noteResult(
          notes,
          `dkim=${result}${comment(reason)} header.i=${property(identity)} header.d=${property(domain)} header.s=${
            property(selector)
          }`,
        );
      }
      notes.set(
        "dkim_results",
        found.map(({ result, domain, identity, selector, reason }) => ({
          identity,
          domain,
          selector,
          result: WORDS[result],
          ...(reason === "" ? {} : { error: reason }),
        })),
      );
      results.add(name, { emit: true });
    }

    return {
      async data_post({ transaction, message, signal }) {
        const { enabled, timeout, allowed_time_skew: skewSeconds } = settings.value.verify;
        if (!enabled) return;
        const { clock, resolver } = machine;
        const found = await inTime(
          { clock, seconds: timeout, what: "DKIM", signal },
          (signal) => verifyDkim(message, { resolver, now: clock.now(), skewSeconds, signal }),
        );
        if (found === "late") return void transaction.results.add(name, { err: "timeout" });
        if (found.length === 0) return void transaction.results.add(name, { skip: "no/bad signature" });
        tell(transaction, found);
      },

      async queue_outbound({ transaction, message, signal }) {
        const note = (entry: object) => transaction.results.add(name, { ...entry });
        await sign(message, transaction.sender, transaction.notes, note, signal);
      },

      /** Mail of our own making (bounces) never saw the other hook. */
      async pre_send_trans_email({ envelope, message, signal }) {
        await sign(message, envelope.sender, new Notes(envelope.notes), () => {}, signal);
      },
    };
  },
} satisfies Plugin;

/** The domain of the one author, or of Sender when there are several; undefined when that says nothing. */
async function authorDomain(message: Message): Promise<string | undefined> {
  const from = await authorsOf(message);
  const { addresses } = from.addresses.length > 1 ? await authorsOf(message, "Sender") : from;
  const [address] = addresses;
  const at = address?.lastIndexOf("@") ?? -1;
  return addresses.length !== 1 || at < 0 ? undefined : address!.slice(at + 1).toLowerCase();
}
