/** Writes every message to a file of its own, `mail_TRANSACTION.eml` in the directory for temporary files. For looking at, not for keeping. */
import { type HookEvent, ok, type Plugin } from "kasi";

export default {
  name: "queue/test",
  about: "Writes every message to mail_TRANSACTION.eml in the temporary directory.",
  setup({ machine: { host } }) {
    const directory = (host.env.get("TMPDIR") ?? "").replace(/\/+$/, "") || "/tmp";
    const write = async ({ transaction, message, signal }: HookEvent<"queue">) => {
      const path = `${directory}/mail_${transaction.id}.eml`;
      const file = host.openSync(path, { write: true, createNew: true, mode: 0o600 });
      try {
        for await (const chunk of message.open()) {
          signal.throwIfAborted();
          for (let at = 0; at < chunk.length;) at += file.writeSync(chunk.subarray(at));
        }
      } finally {
        file.close();
      }
      transaction.log.notice(`message written to ${path}`);
      return ok();
    };
    return { queue: write, queue_outbound: write };
  },
} satisfies Plugin;
