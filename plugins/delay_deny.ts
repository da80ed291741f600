/**
 * Puts refusals off until RCPT, so that the log tells who wanted to write to whom, and clients that authenticate after all are let through.
 *
 * What is refused up to MAIL is said to each recipient, what is refused of a recipient to that one. Nothing is forgiven but to clients that may
 * relay when the recipient is accepted. Refusals from DATA on are not put off.
 */
import { fileShape, type HookEvent, ok, type Plugin, type Refusal } from "kasi";

const DELAY_DENY_INI = fileShape({
  file: "delay_deny.ini",
  about: "Whose refusals are put off. An entry is plugin, plugin:hook or plugin:hook:function.",
  shape: {
    main: {
      included_plugins: {
        type: "text",
        default: "",
        about:
          "Only refusals of these are put off; separated by commas, semicolons or spaces. Wins over excluded_plugins.",
      },
      excluded_plugins: { type: "text", default: "", about: "Refusals of these are not put off." },
    },
  },
});

/** Where a refusal is kept until RCPT: on the session, on the transaction, or on the one recipient. */
const KEPT = {
  lookup_rdns: "session",
  connect: "session",
  helo: "session",
  ehlo: "session",
  mail: "transaction",
  rcpt: "recipient",
  rcpt_ok: "recipient",
} as const;

export default {
  name: "delay_deny",
  about: "Puts refusals off until RCPT.",
  files: [DELAY_DENY_INI],
  async setup({ name, config }) {
    const settings = await config.ini(DELAY_DENY_INI);
    /** What was said of one address does not hold for the next (XCLIENT). */
    const kept = new WeakMap<object, { readonly refused: Refusal; readonly ip: string }>();
    const heldOf = (owner: object, ip: string) => {
      const held = kept.get(owner);
      return held?.ip === ip ? held.refused : undefined;
    };

    const isPutOff = (by: string, at: string) => {
      const { included_plugins, excluded_plugins } = settings.value.main;
      const included = entries(included_plugins);
      return included.length > 0 ? names(included, by, at) : !names(entries(excluded_plugins), by, at);
    };
    return {
      deny({ session, refused, by, at, event }: HookEvent<"deny">) {
        if (by === name || !(at in KEPT) || !isPutOff(by, at)) return;
        const place = KEPT[at as keyof typeof KEPT];
        const owner = place === "session" ? session : (event as { readonly [key: string]: object | undefined })[place];
        if (owner === undefined) return;
        // The first one counts.
        const { ip } = session.remote;
        if (heldOf(owner, ip) === undefined) kept.set(owner, { refused, ip });
        const { notes } = place === "session" ? session : session.transaction ?? session;
        const before = notes.get("delay_deny_pre");
        const text = refused.kind === "hangUp" ? "" : String(refused.reply.text ?? "");
        notes.set("delay_deny_pre", [...Array.isArray(before) ? before : [], { plugin: by, hook: at, text }]);
        notes.set(["delay_deny_pre_fail", by], 1);
        session.log.info(`${by} refuses at ${at}: put off until RCPT`);
        return ok();
      },

      // Last, so that what other plugins refuse at rcpt_ok has been heard.
      rcpt_ok: {
        priority: 100,
        run({ session, transaction, recipient }: HookEvent<"rcpt_ok">) {
          if (session.relaying) return undefined;
          const { ip } = session.remote;
          return heldOf(session, ip) ?? heldOf(transaction, ip) ?? heldOf(recipient, ip);
        },
      },

      data_post({ session, transaction, message }: HookEvent<"data_post">) {
        const failed = [session, transaction].flatMap(({ notes }) =>
          Object.keys(notes.get("delay_deny_pre_fail") ?? {})
        );
        if (failed.length > 0) message.header.add("X-Haraka-Fail-Pre", [...new Set(failed)].join(" "));
        return undefined;
      },
    };
  },
} satisfies Plugin;

function entries(text: string): readonly string[] {
  return text.split(/[\s,;]+/).filter((entry) => entry !== "");
}

/** A plugin has one function at a hook here, so a third part says nothing more. */
function names(listed: readonly string[], by: string, at: string): boolean {
  return listed.some((entry) => {
    const [plugin, hook] = entry.split(":");
    return plugin === by && (hook === undefined || hook === at);
  });
}
