/**
 * Takes messages and drops them: those that a plugin has flagged, or all of them when the environment says so.
 *
 * Flags: the note `discard` of the session or the transaction, or `queue.wants` = `discard`. With YES_REALLY_DO_DISCARD in the
 * environment every message is dropped, for tests of speed.
 */
import { type HookEvent, ok, type Plugin } from "kasi";
import { isForAnother } from "./wants.ts";

export default {
  name: "queue/discard",
  about: "Takes flagged messages and drops them.",
  setup({ machine }) {
    const all = (machine.host.env.get("YES_REALLY_DO_DISCARD") ?? "") !== "";
    const discard = ({ session, transaction }: HookEvent<"queue">) => {
      if (isForAnother(transaction, "discard")) return;
      const wanted = transaction.notes.get("queue.wants") === "discard";
      if (!all && !wanted && !session.notes.get("discard") && !transaction.notes.get("discard")) return;
      transaction.log.notice("discarding message");
      return ok();
    };
    return { queue: discard, queue_outbound: discard };
  },
} satisfies Plugin;
