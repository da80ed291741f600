/**
 * Delivers mail for our own domains (`host_list`) into Maildirs.
 *
 * A message may be for us and for others at once. Nothing may be lost then and, short of a crash, nothing doubled, so the steps are:
 *   1. write and sync the local copies in `tmp`, where no reader looks: what a full disk fails, fails here, and nothing has happened;
 *   2. put the rest into the outbound queue, which keeps it or throws: then the copies are removed and the client comes again;
 *   3. rename the copies into `new` and sync the folders. This needs no space.
 * Only then is the message acknowledged. A crash between 2 and 3 makes the client send again: twice for the others, never zero times.
 */
import { defer, fileShape, type HookEvent, ok, type Plugin, type Recipient } from "kasi";
import { hostList } from "../rcpt_to.host_list_base.ts";
import { deliveryName, mailboxPath } from "./maildir_names.ts";
import { type Mailbox, MaildirWriter, type Prepared } from "./maildir_writer.ts";
import { isForAnother } from "./wants.ts";

const MAILDIR_INI = fileShape({
  file: "maildir.ini",
  about: "Where mail for our own domains is kept.",
  shape: {
    main: {
      path: {
        type: "text",
        default: "mail/%d/%u",
        about:
          "The Maildir of a recipient: %d is the domain, %u the local part. Below the data directory unless it begins with a slash.",
      },
      lower_case: { type: "boolean", default: true, about: "Alice and alice share a Maildir." },
      line_ends: { type: "choice", of: ["lf", "crlf"], default: "lf", about: "Line ends in the files." },
    },
  },
});

export default {
  name: "queue/maildir",
  about: "Delivers mail for the domains of host_list into Maildirs.",
  files: [MAILDIR_INI],
  async setup(host) {
    const { config, dataDir, enqueue, machine, server } = host;
    const settings = await config.ini(MAILDIR_INI);
    const ours = await hostList(host);
    const writer = new MaildirWriter(machine.host);

    const mailboxesOf = (recipients: readonly Recipient[], sender: string): Mailbox[] => {
      const { path: pattern, lower_case } = settings.value.main;
      const byPath = new Map<string, Mailbox>();
      for (const { address } of recipients) {
        // `<postmaster>` alone is the postmaster of this server (RFC 5321 §4.5.1).
        const relative = mailboxPath(
          pattern,
          address.host === "" ? server.name : address.host,
          lower_case ? address.user.toLowerCase() : address.user,
        );
        const path = relative.startsWith("/") ? relative : `${dataDir}/${relative}`;
        // RFC 5321 §4.4: the final delivery says who the sender was.
        const head = `Return-Path: <${sender}>\r\nDelivered-To: ${address.address}\r\n`;
        if (!byPath.has(path)) byPath.set(path, { path, head });
      }
      return [...byPath.values()];
    };

    const deliver = (relaysRest: boolean) => async ({ transaction, message, signal }: HookEvent<"queue">) => {
      if (isForAnother(transaction, "maildir")) return;
      const local = transaction.recipients.filter(({ address }) => address.host === "" || ours.has(address.host));
      if (local.length === 0) return;
      const rest = transaction.recipients.filter((recipient) => !local.includes(recipient));
      if (rest.length > 0 && !relaysRest) {
        transaction.log.warn("Some recipients are not ours and this client may not relay: left to other queue plugins");
        return;
      }
      const name = deliveryName(Math.floor(machine.clock.now() / 1000), transaction.id, server.name);
      const mailboxes = mailboxesOf(local, transaction.sender.address);
      let prepared: Prepared;
      try {
        // Octets that are no text stay as they are (RFC 3030 §3).
        const crlf = settings.value.main.line_ends === "crlf" || transaction.wanted?.body === "BINARYMIME";
        prepared = await writer.prepare(mailboxes, name, message, { crlf, signal });
      } catch (fault) {
        transaction.log.error(`Cannot write to a Maildir: ${reasonOf(fault)}`);
        return defer("Cannot keep the message now", { code: 452, enhanced: "4.3.1" });
      }
      try {
        if (rest.length > 0) {
          const { id, sender, notes, smtpUtf8, wanted } = transaction;
          await enqueue({ id, sender, recipients: rest, notes: notes.toJSON(), smtpUtf8, wanted }, message);
        }
        await prepared.commit();
      } catch (fault) {
        prepared.abandon();
        transaction.log.error(`Cannot deliver: ${reasonOf(fault)}`);
        return defer("Cannot keep the message now", { code: 451, enhanced: "4.3.0" });
      }
      for (const { path } of mailboxes) transaction.log.info(`delivered to ${path}`);
      return ok();
    };
    return { queue: deliver(false), queue_outbound: deliver(true) };
  },
} satisfies Plugin;

function reasonOf(fault: unknown): string {
  return fault instanceof Error ? fault.message : String(fault);
}
