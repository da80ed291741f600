/**
 * Gives messages to qmail by its program `qmail-queue`, which reads the message from descriptor 0 and the envelope from descriptor 1.
 *
 * Both are files that are whole before the program starts, so that it never takes a part of a message for all of it. What it refuses, by whatever
 * exit code, goes to the next queue plugin; in the end the client comes back (451).
 */
import {
  ConfigError,
  fileShape,
  type HookEvent,
  type Host,
  ok,
  type Plugin,
  type PluginHost,
  type Transaction,
  utf8Encode,
} from "kasi";
import { UnixLines } from "./maildir_writer.ts";
import { isForAnother } from "./wants.ts";

const QMAIL_QUEUE_INI = fileShape({
  file: "qmail-queue.ini",
  about: "Which mail goes into qmail's queue. The program's path stands in the file qmail-queue.path.",
  shape: {
    main: {
      enable_outbound: { type: "boolean", default: true, about: "The mail of relaying clients too." },
    },
  },
});
const PATH_FILE = "qmail-queue.path";
const USUAL_PATH = "/var/qmail/bin/qmail-queue";
/** The program has its own limit of a day, which no client waits for. */
const LONGEST_MS = 300_000;

/** qmail-queue(8). */
const EXITS: { readonly [code: number]: string } = {
  11: "an address is too long",
  31: "refused for good",
  51: "out of memory",
  52: "timeout",
  53: "write error, perhaps a full disk",
  54: "cannot read message or envelope",
  61: "trouble with its home directory",
  62: "trouble with its queue directory",
  63: "trouble with its queue directory",
  64: "trouble with its queue directory",
  65: "trouble with its queue directory",
  66: "trouble with its queue directory",
  71: "refused for now",
  81: "internal fault",
  91: "envelope format",
};

export default {
  name: "queue/qmail-queue",
  about: "Gives messages to qmail by its program qmail-queue.",
  files: [QMAIL_QUEUE_INI],
  async setup(host) {
    const { config, machine, dataDir } = host;
    const settings = await config.ini(QMAIL_QUEUE_INI);
    const path = await config.value(PATH_FILE);
    const program = path.value ?? USUAL_PATH;
    if (!isFile(machine.host, program)) {
      throw new ConfigError({ file: PATH_FILE, current: program, wanted: "the path of qmail-queue" });
    }
    const folder = `${dataDir}/qmail-queue`;

    const put = async ({ transaction, message, signal }: HookEvent<"queue">) => {
      if (isForAnother(transaction, "qmail-queue")) return;
      const { log } = transaction;
      try {
        const text = await spooled(host, `${folder}/${transaction.id}.message`, linesOf(message, signal));
        const envelope = await spooled(host, `${folder}/${transaction.id}.envelope`, [envelopeOf(transaction)]);
        const running = machine.run({
          program,
          args: [],
          reads: [text, envelope],
          timeoutMs: LONGEST_MS,
          signal,
        });
        const { code, complaint } = await running;
        if (code === 0) return ok();
        const meant = code === undefined ? "killed" : EXITS[code];
        log.error(`qmail-queue ended with ${code ?? "a signal"}${meant ? ` (${meant})` : ""}`, { said: complaint });
      } catch (fault) {
        log.error(`Cannot give the message to qmail-queue: ${fault instanceof Error ? fault.message : String(fault)}`);
      } finally {
        removeIfThere(machine.host, `${folder}/${transaction.id}.message`);
        removeIfThere(machine.host, `${folder}/${transaction.id}.envelope`);
      }
    };

    return {
      init_master() {
        // What a crash left behind.
        machine.host.mkdirSync(folder, { recursive: true, mode: 0o700 });
        for (const { name } of machine.host.readDirSync(folder)) removeIfThere(machine.host, `${folder}/${name}`);
        return undefined;
      },
      queue: put,
      queue_outbound: (event) => settings.value.main.enable_outbound ? put(event) : undefined,
    };
  },
} satisfies Plugin;

/** `F`, the sender, and for each recipient `T` and the address; each ended by NUL, and all of it by another. */
function envelopeOf({ sender, recipients }: Transaction): Uint8Array {
  const fields = [`F${sender.address}`, ...recipients.map(({ address }) => `T${address.address}`)];
  if (fields.some((field) => field.includes("\0"))) throw new Error("an address holds a NUL");
  return utf8Encode(`${fields.map((field) => `${field}\0`).join("")}\0`);
}

async function* linesOf(message: HookEvent<"queue">["message"], signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const lines = new UnixLines();
  for await (const chunk of message.open()) {
    signal.throwIfAborted();
    yield lines.next(chunk);
  }
  yield lines.end();
}

async function spooled(
  { machine: { host } }: PluginHost,
  path: string,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<string> {
  const file = host.openSync(path, { write: true, createNew: true, mode: 0o600 });
  try {
    for await (const chunk of chunks) for (let at = 0; at < chunk.length;) at += file.writeSync(chunk.subarray(at));
  } finally {
    file.close();
  }
  return path;
}

function isFile(host: Host, path: string): boolean {
  try {
    return host.statSync(path).isFile;
  } catch {
    return false;
  }
}

function removeIfThere(host: Host, path: string): void {
  try {
    host.removeSync(path);
  } catch {
    // Never written.
  }
}
