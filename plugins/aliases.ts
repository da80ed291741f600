/**
 * Puts other addresses in a recipient's place, or has the message dropped, as `aliases.json` says.
 *
 * The first target takes the recipient's place at once, so that the plugins asked next judge that one; further targets join when the message
 * comes, and only if the recipient was accepted. Mail for targets at another host is put into the outbound queue before the rest goes to the
 * other queue plugins: when one of those defers, the client comes again and those targets get it twice, never zero times.
 */
import {
  type Config,
  type HookEvent,
  type Logger,
  ok,
  parseAddress,
  type Plugin,
  type Recipient,
  type Transaction,
} from "kasi";
import { type Alias, findAlias, readAliases } from "./aliases_json.ts";
import discard from "./queue/discard.ts";
import { isForAnother } from "./queue/wants.ts";

export default {
  name: "aliases",
  about: "Rewrites recipients, or drops what is for them.",
  async setup(host) {
    const { config, enqueue, log } = host;
    const aliases = await aliasesOf(config, log);
    // What is kept of a transaction dies with it.
    const further = new WeakMap<Recipient, readonly Recipient[]>();
    const forwarded = new WeakMap<Transaction, Set<Recipient>>();

    const rewrite = (transaction: Transaction, recipient: Recipient, key: string, to: readonly string[]) => {
      const { user, host, address } = recipient.address;
      const targets = to.flatMap((target) => {
        const found = parseAddress(`<${target.includes("@") ? target : `${target}@${host}`}>`);
        if (found === undefined || found.isNull()) log.error(`aliases: ${JSON.stringify(target)} is no address`);
        return found === undefined || found.isNull() ? [] : [found];
      });
      const [first, ...others] = targets;
      if (first === undefined) return;
      transaction.log.info(`aliasing ${address || user} to ${targets.join(", ")} (${key})`);
      recipient.given ??= recipient.address;
      // One who asked of one address hears of one: that it was expanded (RFC 3461 §5.2.7.3).
      const asked = others.length > 0 && recipient.notify?.includes("SUCCESS");
      if (asked) recipient.notify = withoutSuccess(recipient.notify!);
      const more = others.map((address): Recipient => ({ ...recipient, address, given: recipient.given! }));
      if (asked) recipient.expandedFrom = recipient.given;
      recipient.address = first;
      if (more.length > 0) further.set(recipient, more);
      const elsewhere = [recipient, ...more].filter((one) => one.address.host !== host);
      if (elsewhere.length > 0) {
        const before = forwarded.get(transaction);
        forwarded.set(transaction, new Set([...before ?? [], ...elsewhere]));
      }
      transaction.notes.set("forward", true);
      if (first.host !== host) transaction.notes.set("queue.wants", "outbound", true);
    };

    const forward = async (event: HookEvent<"queue">) => {
      const { transaction, message } = event;
      const away = forwarded.get(transaction);
      if (away === undefined || isForAnother(transaction, "outbound")) return;
      const { id, sender, notes, smtpUtf8, wanted, recipients } = transaction;
      const going = recipients.filter((one) => away.has(one));
      if (going.length === 0) return;
      await enqueue({ id, sender, recipients: going, notes: notes.toJSON(), smtpUtf8, wanted }, message);
      transaction.log.notice(`${going.length} aliased recipients are in the outbound queue`);
      transaction.recipients = recipients.filter((one) => !away.has(one));
      if (transaction.recipients.length === 0) return ok();
      notes.set("queue.wants", undefined);
    };

    const { queue: drop, queue_outbound } = discard.setup(host);
    return {
      rcpt({ transaction, recipient }) {
        const found = findAlias(aliases(), recipient.address);
        if (found === undefined) return;
        const { key, alias } = found;
        switch (alias.kind) {
          case "drop":
            transaction.log.info(`${recipient.address} marks the message to be dropped (${key})`);
            return void transaction.notes.set("discard", true);
          case "alias":
            return void rewrite(transaction, recipient, key, alias.to);
          case "unknown":
            return void transaction.log.info(`aliases.json: ${key} ${alias.why}; passed over`);
        }
      },
      // Before anybody looks at the list of recipients.
      data: {
        priority: -100,
        run({ transaction }) {
          transaction.recipients = transaction.recipients.flatMap((one) => [one, ...further.get(one) ?? []]);
          return undefined;
        },
      },
      queue: (event) => drop(event) ?? forward(event),
      queue_outbound,
    };
  },
} satisfies Plugin;

function withoutSuccess(notify: NonNullable<Recipient["notify"]>): NonNullable<Recipient["notify"]> {
  const left = notify.filter((one) => one !== "SUCCESS");
  return left.length === 0 ? ["NEVER"] : left;
}

/** The aliases as they stand now. */
async function aliasesOf(config: Config, log: Logger): Promise<() => ReadonlyMap<string, Alias>> {
  const file = await config.tree("aliases.json");
  // The name it had before: JSON without an ending.
  const older = await config.data("aliases");
  const read = () => readAliases(file.value, older.value.join("\n"), (what) => log.error(what));
  let known = read();
  for (const one of [file, older]) one.onChange(() => known = read());
  return () => known;
}
