/**
 * An address to which users forward what they never want to see again: its author goes on a blacklist, the forwarded mail is dropped.
 *
 * The list is `mail_from.access.blacklist`, which `access` reads. The message is only taken once the address is written there.
 */
import { type Config, deny, type HookEvent, type Machine, ok, parseAddress, type Plugin, textParts } from "kasi";

const BLACKLIST = "mail_from.access.blacklist";

export default {
  name: "block_me",
  about: "Puts the authors of forwarded mail on a blacklist.",
  async setup({ name, config, machine }) {
    const recipient = await config.value("block_me.recipient");
    const senders = await config.list("block_me.senders");
    const take = ({ transaction }: HookEvent<"queue">) =>
      transaction.notes.get("block_me") === undefined ? undefined : ok("Blocked");
    return {
      async data_post({ session, transaction, message }) {
        const wanted = recipient.value?.toLowerCase();
        const [only, ...others] = transaction.recipients;
        if (!session.relaying || wanted === undefined || others.length > 0) return;
        if (only?.address.address.toLowerCase() !== wanted) return;
        const sender = transaction.sender.address.toLowerCase();
        if (!senders.value.some((listed) => listed.toLowerCase() === sender)) {
          transaction.results.add(name, { fail: "sender" });
          return deny("You are not allowed to block mail", { enhanced: "5.7.1" });
        }
        for await (const { text } of textParts(message)) {
          const author = authorIn(text);
          if (author === undefined) continue;
          block(author, config, machine);
          transaction.notes.set("block_me", author);
          transaction.log.notice(`${sender} blocks ${author}`);
          return void transaction.results.add(name, { pass: author });
        }
        transaction.log.error(`${sender} wants to block somebody, but the message holds no From: line with an address`);
      },
      queue: take,
      // Who may relay sends by this one.
      queue_outbound: take,
    };
  },
} satisfies Plugin;

/** The first `From: … <user@host>` of a forwarded message, quoted or not. */
function authorIn(text: string): string | undefined {
  for (const line of text.matchAll(/^[> \t]*From:[^\r\n]*<(?:mailto:)?([^<>\s]+@[^<>\s]+)>/gim)) {
    const address = parseAddress(line[1]!)?.address;
    if (address !== undefined && address !== "") return address.toLowerCase();
  }
  return undefined;
}

/** Throws when the file cannot be written; the client comes again then. */
function block(author: string, config: Config, { host }: Machine): void {
  const path = config.path(BLACKLIST);
  let text = "";
  try {
    text = host.readTextFileSync(path);
  } catch (fault) {
    if (!(fault instanceof host.errors.NotFound)) throw fault;
  }
  if (text.split(/\r?\n/).some((line) => line.trim().toLowerCase() === author)) return;
  const file = host.openSync(path, { append: true, create: true });
  try {
    const line = new TextEncoder().encode(`${text === "" || text.endsWith("\n") ? "" : "\n"}${author}\n`);
    for (let at = 0; at < line.length;) at += file.writeSync(line.subarray(at));
  } finally {
    file.close();
  }
}
