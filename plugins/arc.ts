/**
 * ARC: verifies the seals of those who forwarded a message, and, when arc.ini says so, seals what we pass on ourselves.
 *
 * Refuses nothing; the plugin dmarc may trust a sealer. A seal is the last thing to be put on a message, so that it covers what leaves.
 */
import {
  type ArcFinding,
  ConfigError,
  fileShape,
  type Message,
  type Plugin,
  sealArc,
  type Session,
  type Transaction,
  verifyArc,
} from "kasi";
import { dkimKeys } from "./dkim_keys.ts";
import { comment, inTime, notedResults, noteResult } from "./mailauth_notes.ts";

const ARC_INI = fileShape({
  file: "arc.ini",
  about: "ARC (RFC 8617): the seals of forwarders.",
  shape: {
    verify: {
      enabled: { type: "boolean", default: true, about: "Verify the seals of mail that comes in." },
      timeout: {
        type: "number",
        default: 29,
        min: 1,
        about: "Seconds that verifying may take; after that the mail goes on without it.",
      },
    },
    seal: {
      enabled: { type: "boolean", default: false, about: "Seal mail that came from elsewhere when it is passed on." },
      domain: {
        type: "optional-text",
        about: "Domain to seal for; its key is that of DKIM, dkim/DOMAIN/private and dkim/DOMAIN/selector.",
      },
    },
  },
});

export default {
  name: "arc",
  about: "Verifies ARC seals, and seals what is passed on.",
  files: [ARC_INI],
  async setup({ name, config, log, machine, server }) {
    const settings = await config.ini(ARC_INI);
    const keys = await dkimKeys(config, log);
    const { enabled, domain } = settings.value.seal;
    if (enabled && (domain === undefined || keys.find(domain) === undefined)) {
      const wanted = "a domain with a key in dkim/DOMAIN/private and a selector in dkim/DOMAIN/selector";
      throw new ConfigError({ file: ARC_INI.file, setting: "[seal] domain", current: domain ?? "", wanted });
    }

    async function seal(
      session: Session,
      transaction: Transaction,
      message: Message,
      signal: AbortSignal,
    ): Promise<void> {
      const { enabled, domain } = settings.value.seal;
      const key = domain === undefined ? undefined : keys.find(domain);
      if (!enabled || key === undefined || transaction.notes.get("arc_sealed")) return;
      if (session.relaying) return transaction.results.add(name, { skip: "seal(relay)" });
      const { clock, resolver } = machine;
      const { chain } = transaction.notes.get("arc") as { chain?: ArcFinding["result"] } | undefined ??
        { chain: (await verifyArc(message, { resolver, now: clock.now(), signal })).result };
      const noted = [session.notes, transaction.notes].flatMap(notedResults);
      const set = chain === undefined ? undefined : await sealArc(message, {
        ...key,
        results: [server.name, ...noted.length === 0 ? ["none"] : noted].join(";\r\n\t"),
        chain,
        now: clock.now(),
        signal,
      });
      if (set === undefined) return transaction.results.add(name, { skip: "seal(chain)" });
      for (const [field, value] of set.fields) message.header.addLeading(field, value);
      transaction.notes.set("arc_sealed", true);
      transaction.results.add(name, { msg: `sealed i=${set.instance}` });
    }

    return {
      async data_post({ transaction, message, signal }) {
        const { enabled, timeout } = settings.value.verify;
        if (!enabled) return;
        const { results, notes } = transaction;
        const { clock, resolver } = machine;
        const found = await inTime(
          { clock, seconds: timeout, what: "ARC", signal },
          (signal) => verifyArc(message, { resolver, now: clock.now(), signal }),
        );
        if (found === "late") {
          notes.set("arc", { result: "temperror", chain: "temperror" });
          return void results.add(name, { err: "timeout" });
        }
        const { result, instance, sealer, dmarc, reason } = found;
        notes.set("arc", { result, chain: result, sealer, ...(dmarc === undefined ? {} : { dmarc }) });
        if (result === "none") return void results.add(name, { skip: "no seal" });
        // RFC 8617 §10.2 has no word for a chain that could not be checked.
        if (result !== "temperror") noteResult(notes, `arc=${result}${comment(reason || `i=${instance} ${sealer}`)}`);
        if (result === "pass") results.add(name, { pass: sealer, emit: true });
        else results.add(name, { [result === "fail" ? "fail" : "err"]: reason, emit: true });
      },

      queue: {
        priority: -50,
        run: ({ session, transaction, message, signal }) => seal(session, transaction, message, signal),
      },
      queue_outbound: {
        priority: -50,
        run: ({ session, transaction, message, signal }) => seal(session, transaction, message, signal),
      },
    };
  },
} satisfies Plugin;
