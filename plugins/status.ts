/**
 * `STATUS` on the SMTP port, for clients on this machine: connections out, and the outbound queue of all workers together. Answers are 211 and a line of JSON.
 *
 * Items go by the id that the log and `QUEUE LIST` show. `kasi status` and `kasi queue` do the same, and more, over a socket of their own.
 */
import { answer, deny, type Operations, type Plugin, type QueuedItem } from "kasi";

/** Letters, digits and what stands in an id: nothing that could be taken for a path. */
const ID = /^[\w.-]+$/;

class Unknown extends Error {}

const COMMANDS: { readonly [command: string]: (operations: Operations, argument: string) => Promise<unknown> } = {
  "POOL LIST": async (operations) =>
    Object.fromEntries((await operations.pools()).map(({ name, inUse, size }) => [name, { inUse, size }])),

  "QUEUE STATS": async (operations) => {
    const all = (await operations.threads()).map(({ queue: { inProgress, queued, tempFail } }) =>
      `${inProgress}/${queued}/${tempFail}`
    );
    return all.length === 1 ? all[0] : all;
  },

  "QUEUE LIST": async (operations) => (await operations.list()).map(listed),

  "QUEUE INSPECT": async (operations) => {
    const items = await operations.list();
    return {
      delivery_queue: items.filter(({ state }) => state === "ready" || state === "active").map(({ id }) => ({ id })),
      temp_fail_queue: items.filter(({ state }) => state === "waiting")
        .map(({ id, dueAt }) => ({ id, fire_time: dueAt })),
    };
  },

  "QUEUE DISCARD": async (operations, id) => {
    if (await operations.remove(named(id)) === 0) throw new Unknown(`no item ${id}`);
    return "OK";
  },

  "QUEUE PUSH": async (operations, id) => {
    await operations.retry(named(id));
    return "OK";
  },
};

export default {
  name: "status",
  about: "Answers STATUS for clients on this machine: connections out and the outbound queue.",
  setup({ operations }) {
    return {
      capabilities({ session, capabilities }) {
        if (session.remote.isLocal) capabilities.lines.push("STATUS");
        return undefined;
      },

      async unrecognized_command({ session, verb, rest }) {
        if (verb !== "STATUS") return;
        if (!session.remote.isLocal) return deny("STATUS is not for you", { code: 500, enhanced: "5.7.1" });
        const [, command = "", argument = ""] = /^(\S+ \S+)(?: +(.*?))? *$/.exec(rest.trim()) ?? [];
        const run = Object.hasOwn(COMMANDS, command) ? COMMANDS[command] : undefined;
        if (run === undefined) return deny(`Commands: ${Object.keys(COMMANDS).join(", ")}`, { code: 500 });
        try {
          return answer({ code: 211, text: JSON.stringify(await run(operations, argument)) });
        } catch (fault) {
          if (!(fault instanceof Unknown)) session.log.error(`STATUS: ${(fault as Error).message}`);
          return deny(fault instanceof Unknown ? fault.message : "STATUS failed", { code: 500 });
        }
      },
    };
  },
} satisfies Plugin;

function named(id: string): string {
  if (!ID.test(id)) throw new Unknown("an item's id is wanted");
  return id;
}

/** As Haraka shows a queue file. */
function listed({ id, queuedAt, domain, sender, recipients }: QueuedItem): object {
  return { file: id, uuid: id, queue_time: queuedAt, domain, from: sender, to: recipients };
}
