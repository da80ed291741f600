/**
 * Slows answers down: other plugins leave the seconds in the note `tarpit` of the session or the transaction.
 *
 * Only what reaches this plugin is slowed down, so it stands last in the list: a plugin in front that ends the chain answers at once.
 */
import { fileShape, type HookTable, type Plugin, type Session, sleep } from "kasi";

/** The hooks it can delay. */
const HOOKS = [
  "connect",
  "helo",
  "ehlo",
  "mail",
  "rcpt",
  "rcpt_ok",
  "data",
  "data_post",
  "queue",
  "queue_outbound",
  "unrecognized_command",
  "vrfy",
  "noop",
  "rset",
  "quit",
] as const;
type Delayed = typeof HOOKS[number];

const TARPIT_INI = fileShape({
  file: "tarpit.ini",
  about: "Which answers are slowed down.",
  shape: {
    main: {
      hooks_to_delay: {
        type: "text",
        default: HOOKS.filter((hook) => hook !== "queue_outbound").join(" "),
        about: "Hooks whose answers are delayed, separated by spaces, commas or semicolons.",
      },
    },
  },
});

export default {
  name: "tarpit",
  about: "Slows answers down for clients that other plugins have marked.",
  files: [TARPIT_INI],
  async setup({ config, machine, log }) {
    const settings = await config.ini(TARPIT_INI);
    const read = (text: string) => {
      const wanted = text.split(/[\s,;]+/).filter((hook) => hook !== "");
      for (const hook of wanted) {
        if (!(HOOKS as readonly string[]).includes(hook)) {
          log.error(`tarpit.ini: ${hook} cannot be delayed; passed over`);
        }
      }
      return new Set(wanted);
    };
    let delayed = read(settings.value.main.hooks_to_delay);
    settings.onChange((value) => delayed = read(value.main.hooks_to_delay));

    const slow =
      (hook: Delayed) => ({ session, signal }: { readonly session: Session; readonly signal: AbortSignal }) => {
        if (!delayed.has(hook)) return undefined;
        const seconds = secondsOf(session.notes.get("tarpit")) ?? secondsOf(session.transaction?.notes.get("tarpit"));
        return seconds === undefined ? undefined : wait(session, hook, seconds, signal);
      };
    const wait = async (session: Session, hook: Delayed, seconds: number, signal: AbortSignal): Promise<undefined> => {
      session.log.info(`tarpit: ${hook} waits for ${seconds} s`);
      await sleep(machine.clock, seconds * 1000, signal);
      return undefined;
    };
    return Object.fromEntries(HOOKS.map((hook) => [hook, slow(hook)])) as HookTable;
  },
} satisfies Plugin;

/** Undefined for what is no time to wait. */
function secondsOf(note: unknown): number | undefined {
  const seconds = Number(note);
  return typeof note !== "boolean" && Number.isFinite(seconds) && seconds > 0 ? seconds : undefined;
}
