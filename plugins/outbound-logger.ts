/**
 * Writes a line of JSON for every recipient that was delivered to, deferred or given up: to standard output, to a file for each day, or to both.
 *
 * Trouble with the file never touches the mail: the log says so, and the line is lost.
 */
import { fileShape, type FsFile, type Item, type Outcome, type Plugin, utf8Encode, type Via } from "kasi";

const OUTBOUND_LOGGER_INI = fileShape({
  file: "outbound-logger.ini",
  about: "Lines of JSON, one for every recipient that was delivered to, deferred or given up.",
  shape: {
    main: {
      stop_at_bounce: {
        type: "boolean",
        default: false,
        about: "Mail that was given up is logged, and its sender not told.",
      },
    },
    stdout: { enable: { type: "boolean", default: true, about: "Lines go to standard output." } },
    file: {
      enable: { type: "boolean", default: false, about: "Lines go to outbound-DATE.log." },
      log_dir: {
        type: "text",
        default: "outbound-logger",
        about: "The folder of the files; below the data directory unless it begins with a slash.",
      },
      sync: { type: "boolean", default: false, about: "Every line is on the disk before delivery goes on." },
    },
  },
});

const KINDS = {
  delivered: { type: "delivered", level: "info" },
  deferred: { type: "deferred", level: "warn" },
  failed: { type: "bounced", level: "error" },
} as const;
const NOTE = ["outbound_logger", "subject"];

export default {
  name: "outbound-logger",
  about: "Writes a line of JSON for every recipient that was delivered to, deferred or given up.",
  files: [OUTBOUND_LOGGER_INI],
  async setup({ config, dataDir, log, machine: { host, clock }, signal }) {
    const settings = await config.ini(OUTBOUND_LOGGER_INI);
    let open: { readonly file: FsFile; readonly path: string } | undefined;
    const close = () => {
      open?.file.close();
      open = undefined;
    };
    settings.onChange(close);
    signal.addEventListener("abort", close, { once: true });

    /** The file of today. */
    const fileAt = (now: number): FsFile => {
      const { log_dir } = settings.value.file;
      const folder = log_dir.startsWith("/") ? log_dir.replace(/\/+$/, "") : `${dataDir}/${log_dir}`;
      const path = `${folder}/outbound-${dayOf(now)}.log`;
      if (open?.path === path) return open.file;
      close();
      host.mkdirSync(folder, { recursive: true, mode: 0o750 });
      open = { path, file: host.openSync(path, { write: true, append: true, create: true, mode: 0o640 }) };
      return open.file;
    };

    async function write(item: Item, outcomes: readonly Outcome[], via?: Via): Promise<void> {
      const { stdout, file } = settings.value;
      const now = clock.now();
      const text = outcomes.map((outcome) => `${JSON.stringify(lineOf(item, outcome, via, now))}\n`).join("");
      if (text === "") return;
      const bytes = utf8Encode(text);
      if (stdout.enable) writeAll(host.stdout, bytes);
      if (!file.enable) return;
      try {
        // One write for all of it: lines of several workers do not mix.
        const today = fileAt(now);
        writeAll(today, bytes);
        if (file.sync) await today.syncData();
      } catch (fault) {
        close();
        log.error(`Cannot write the line of a delivery: ${fault instanceof Error ? fault.message : String(fault)}`);
      }
    }

    return {
      data_post({ transaction, message: { header } }) {
        const subject = header.getDecoded("Subject");
        if (subject !== undefined) transaction.notes.set(NOTE, subject.trim());
        return undefined;
      },
      delivered: ({ item, outcomes, via }) => write(item, outcomes, via),
      deferred: ({ item, attempt }) =>
        write(item, attempt.outcomes.filter(({ kind }) => kind === "deferred"), attempt.via),
      async bounce({ item, outcomes }) {
        await write(item, outcomes);
        return settings.value.main.stop_at_bounce ? { kind: "ok" } : undefined;
      },
    };
  },
} satisfies Plugin;

/** Left out is what there is none of. */
function lineOf({ envelope, queuedAt }: Item, outcome: Outcome, via: Via | undefined, now: number): object {
  const { type, level } = KINDS[outcome.kind];
  const note = envelope.notes[NOTE[0]!] as { readonly subject?: unknown } | undefined;
  return {
    type,
    job_id: envelope.id,
    queue_time: new Date(queuedAt).toISOString(),
    recipient: outcome.recipient.address.address,
    from: envelope.sender.address,
    subject: note?.subject,
    ...(outcome.kind === "delivered"
      ? {
        smtp_code: outcome.reply.code,
        smtp_status: outcome.reply.enhanced,
        smtp_response: [outcome.reply.text].flat().join(" "),
        smtp_host: via?.host,
        smtp_ip: via?.ip,
        smtp_port: via?.port,
        smtp_mode: via?.mode,
        smtp_tls: via?.tls,
      }
      : {
        dsn_action: outcome.kind === "failed" ? "failed" : "delayed",
        dsn_status: outcome.reason.status,
        dsn_smtp_code: outcome.reason.reply?.code,
        dsn_smtp_response: outcome.reason.reply && [outcome.reason.reply.text].flat().join(" "),
        dsn_remote_mta: outcome.reason.remote,
        undelivered_reason: outcome.reason.text,
      }),
    level,
    time: new Date(now).toISOString(),
  };
}

function writeAll(to: { writeSync(bytes: Uint8Array): number }, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += to.writeSync(bytes.subarray(at));
}

/** YYYY-MM-DD where the server stands. */
function dayOf(now: number): string {
  const date = new Date(now);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}
