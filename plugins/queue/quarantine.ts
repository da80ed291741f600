/**
 * Keeps a copy of messages that a plugin has flagged, in folders by date, and answers as the flag says.
 *
 * A copy is written and synced in `tmp` and then linked to where it stays, so that what lies there is whole. When the disk fails, the log
 * says so and the message goes on to the next queue plugin: it is not lost, only not kept here.
 */
import { defer, deny, fileShape, hangUp, type HookEvent, type Host, ok, type Plugin, type Verdict } from "kasi";
import { UnixLines } from "./maildir_writer.ts";
import { isForAnother } from "./wants.ts";

const QUARANTINE_INI = fileShape({
  file: "quarantine.ini",
  about: "Where quarantined messages are kept.",
  shape: {
    main: {
      quarantine_path: {
        type: "text",
        default: "/var/spool/haraka/quarantine",
        about: "The folder; below the data directory unless it begins with a slash.",
      },
    },
  },
});

/** What the note `quarantine_action` may say, by Haraka's names and numbers. */
const ACTIONS: { readonly [action: string]: (text?: string) => Verdict } = {
  OK: ok,
  DENY: (text) => deny(text),
  DENYSOFT: (text) => defer(text),
  DENYDISCONNECT: (text) => deny(text, { hangUp: true }),
  DENYSOFTDISCONNECT: (text) => defer(text, { hangUp: true }),
  DISCONNECT: hangUp,
};
const NUMBERS: { readonly [number: string]: string } = {
  902: "DENY",
  903: "DENYSOFT",
  904: "DENYDISCONNECT",
  905: "DISCONNECT",
  906: "OK",
  909: "DENYSOFTDISCONNECT",
};

export default {
  name: "queue/quarantine",
  about: "Keeps copies of flagged messages in folders by date.",
  files: [QUARANTINE_INI],
  async setup({ name, config, dataDir, log, machine: { host, clock } }) {
    const settings = await config.ini(QUARANTINE_INI);
    const base = () => {
      const path = settings.value.main.quarantine_path.replace(/\/+$/, "");
      return path.startsWith("/") ? path : `${dataDir}/${path}`;
    };

    const quarantine = async ({ session, transaction, message, signal }: HookEvent<"queue">) => {
      if (isForAnother(transaction, "quarantine")) return;
      const wanted = transaction.notes.get("queue.wants") === "quarantine" || undefined;
      const flag = transaction.notes.get("quarantine") || session.notes.get("quarantine") || wanted;
      if (!flag) return;
      const folder = [base(), ...subFolder(flag), dateOf(clock.now())].join("/");
      const path = `${folder}/${transaction.id}`;
      const temporary = `${base()}/tmp/${transaction.id}`;
      try {
        host.mkdirSync(`${base()}/tmp`, { recursive: true, mode: 0o700 });
        host.mkdirSync(folder, { recursive: true, mode: 0o700 });
        await write(host, temporary, message, signal);
        host.linkSync(temporary, path);
        await syncFolder(host, folder);
      } catch (fault) {
        transaction.log.error(`Cannot quarantine the message: ${reasonOf(fault)}`);
        return;
      } finally {
        removeIfThere(host, temporary);
      }
      transaction.notes.set("quarantined", path);
      transaction.results.add(name, { pass: path, emit: true });
      return actionOf(transaction.notes.get("quarantine_action") ?? session.notes.get("quarantine_action"));
    };

    return {
      init_master() {
        // What a crash left half written.
        try {
          host.mkdirSync(`${base()}/tmp`, { recursive: true, mode: 0o700 });
          for (const entry of host.readDirSync(`${base()}/tmp`)) host.removeSync(`${base()}/tmp/${entry.name}`);
        } catch (fault) {
          log.error(`Cannot prepare ${base()}: ${reasonOf(fault)}`);
        }
        return undefined;
      },
      queue: quarantine,
      queue_outbound: quarantine,
    };
  },
} satisfies Plugin;

/** The folders that a flag names; nothing in it leads out of the quarantine. */
function subFolder(flag: unknown): readonly string[] {
  if (typeof flag !== "string" || flag === "true" || flag === "1") return [];
  return flag.split("/").filter((part) => part !== "" && part !== "." && part !== "..");
}

/** YYYYMMDD where the server stands. */
function dateOf(now: number): string {
  const date = new Date(now);
  return `${date.getFullYear()}${two(date.getMonth() + 1)}${two(date.getDate())}`;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}

/** `"DENY"`, `902`, or either with a text: `["DENY", "Not here"]`. Saying nothing passes the message on. */
function actionOf(note: unknown) {
  const [action, text] = Array.isArray(note) ? note : [note];
  const key = String(action).toUpperCase();
  return ACTIONS[NUMBERS[key] ?? key]?.(text === undefined ? undefined : String(text)) as ReturnType<typeof deny>;
}

async function write(host: Host, path: string, message: HookEvent<"queue">["message"], signal: AbortSignal) {
  const file = host.openSync(path, { write: true, createNew: true, mode: 0o600 });
  const put = (bytes: Uint8Array) => {
    for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
  };
  try {
    const lines = new UnixLines();
    for await (const chunk of message.open()) {
      signal.throwIfAborted();
      put(lines.next(chunk));
    }
    put(lines.end());
    await file.syncData();
  } finally {
    file.close();
  }
}

async function syncFolder(host: Host, path: string): Promise<void> {
  const folder = host.openSync(path, { read: true });
  try {
    await folder.sync();
  } finally {
    folder.close();
  }
}

function removeIfThere(host: Host, path: string): void {
  try {
    host.removeSync(path);
  } catch {
    // Never written, or the disk is in trouble, which the log has heard of.
  }
}

function reasonOf(fault: unknown): string {
  return fault instanceof Error ? fault.message : String(fault);
}
