/**
 * Lets strangers wait before they are greeted and before they may send the message, and notices who does not wait.
 *
 * A client that talks before its turn is a program that heeds no replies. It is refused at DATA, when plugins have had their say of it.
 */
import { deny, fileShape, type HookEvent, ipInList, type Plugin, type Session, sleep } from "kasi";

const EARLY_TALKER_INI = fileShape({
  file: "early_talker.ini",
  about: "How long clients are made to wait, and what becomes of those who don't.",
  shape: {
    main: {
      pause: {
        type: "number",
        default: 5,
        min: 0,
        about:
          "Seconds to wait before the greeting and before DATA is answered; 0: nobody waits. Left at its default, the older file early_talker.pause (milliseconds) counts.",
      },
      reject: { type: "boolean", default: true, about: "Refuse clients that talked too soon, and close." },
    },
    ip_whitelist: { open: true, about: "Addresses and networks (CIDR) that need not wait, one a line." },
  },
});

export default {
  name: "early_talker",
  about: "Makes strangers wait, and refuses those who talk before their turn.",
  files: [EARLY_TALKER_INI],
  async setup({ name, config, machine }) {
    const settings = await config.ini(EARLY_TALKER_INI);
    const older = await config.value("early_talker.pause");
    const pauseMs = () => {
      const { pause } = settings.value.main;
      const inMs = Number(older.value ?? NaN);
      return pause === EARLY_TALKER_INI.shape.main.pause.default && inMs >= 0 ? inMs : pause * 1000;
    };
    /** Why this client need not wait. */
    const excuse = (session: Session): string | undefined => {
      const { remote, results } = session;
      if (session.auth !== undefined) return "authed";
      if (session.relaying) return "relay";
      if (ipInList(Object.keys(settings.value.ip_whitelist), remote.ip)) return "whitelist";
      if (Number(results.get("karma")?.["good"] ?? 0) > 0) return "+karma";
      if (remote.isLocal) return "local_ip";
      return remote.isPrivate ? "private_ip" : undefined;
    };
    /** Whether the client has talked too soon, once it has had the time to. */
    const talked = async (session: Session, ms: number, signal: AbortSignal) => {
      const skip = excuse(session);
      if (skip !== undefined) {
        session.results.add(name, { skip });
        return false;
      }
      // Who has talked already need not be given more time.
      if (!session.earlyTalker && ms > 0) await sleep(machine.clock, ms, signal);
      session.results.add(name, session.earlyTalker ? { fail: "early" } : { pass: "early" });
      return session.earlyTalker;
    };
    return {
      async connect_init({ session, signal }) {
        if (pauseMs() > 0) await talked(session, pauseMs() - (machine.clock.now() - session.startedAt), signal);
      },
      async data({ session, signal }: HookEvent<"data">) {
        if (pauseMs() === 0 || !await talked(session, pauseMs(), signal) || !settings.value.main.reject) return;
        return deny("You talk too soon", { enhanced: "5.5.0", hangUp: true });
      },
    };
  },
} satisfies Plugin;
