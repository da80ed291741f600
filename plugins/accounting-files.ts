/**
 * Writes a line for every recipient that was delivered to, deferred or given up: three kinds of files for programs that count.
 *
 * Trouble with the files never touches the mail: the log says so, and the line is lost.
 */
import { fileShape, type Item, type Outcome, type Plugin, type Settings } from "kasi";
import { Ledger } from "./accounting-files_writer.ts";

const COMMON = "type,timeLogged,timeQueued,rcpt,srcMta,srcIp,destIp,jobId,dsnStatus,dsnMsg";
const fields = (more: string[]) => ({
  type: "words",
  default: [...COMMON.split(","), ...more],
  about: "The columns, in order. custom_NAME is the message's header NAME.",
} as const);
const folder = (of: string) => ({ type: "optional-text", about: `The folder of ${of}, inside \`path\`.` }) as const;
const archive = { type: "optional-text", about: "The folder they are moved to, inside theirs; `archive`." } as const;

const ACCOUNTING_INI = fileShape({
  file: "accounting_files.ini",
  about: "Files with a line for every recipient that was delivered to, deferred or given up.",
  shape: {
    main: {
      path: {
        type: "text",
        default: "accounting_files",
        about: "Where the folders are; below the data directory unless it begins with a slash.",
      },
      extension: { type: "text", default: "tsv", about: "The ending of the files' names." },
      separator: { type: "optional-text", about: "What stands behind every field; a tab." },
      archiving: { type: "boolean", default: false, about: "Move files that are old or full to the archive." },
      archive_interval: { type: "integer", default: 86_400, min: 1, about: "Seconds until a file is old." },
      max_size: { type: "integer", default: 200, min: 1, about: "Megabytes until a file is full." },
      bounce_reports: {
        type: "boolean",
        default: true,
        about: "Senders are told of mail that was given up. Haraka's plugin keeps that from them, as false does.",
      },
    },
    location: { delivered: folder("what was delivered"), deferred: folder("what waits"), bounce: folder("bounces") },
    archive_to: { delivered: archive, deferred: archive, bounce: archive },
    fields: { delivered: fields([]), deferred: fields(["delay"]), bounce: fields(["bounceCat"]) },
  },
});

const KINDS = { delivered: "d", deferred: "df", bounce: "b" } as const;
/** Beginnings of the files' names. */
const PREFIXES = { delivered: "d", deferred: "t", bounce: "b" } as const;
type Kind = keyof typeof KINDS;

/** RFC 3463 §3: what the second number of a status is about. */
const CATEGORIES = ["other", "address", "mailbox", "system", "network", "protocol", "content", "policy"];
const NOTE = "accounting_files";

interface Line {
  readonly kind: Kind;
  readonly item: Item;
  readonly outcome: Outcome;
  readonly now: number;
  readonly me: string;
  readonly destIp: string;
  readonly delay: number | undefined;
}

/** Column → what stands there. */
const COLUMNS: { readonly [field: string]: (line: Line) => unknown } = {
  type: ({ kind }) => KINDS[kind],
  timeLogged: ({ now }) => new Date(now).toISOString(),
  timeQueued: ({ item }) => new Date(item.queuedAt).toISOString(),
  rcpt: ({ outcome }) => outcome.recipient.address.address,
  srcMta: ({ item, me }) => item.envelope.notes.outbound_helo ?? me,
  srcIp: ({ item }) => item.envelope.notes.outbound_ip,
  destIp: ({ destIp }) => destIp,
  vmta: ({ item }) => item.envelope.notes.vmta,
  jobId: ({ item }) => item.envelope.id,
  dsnStatus: ({ outcome }) => statusOf(outcome),
  dsnMsg: ({ outcome }) => outcome.kind === "delivered" ? [outcome.reply.text].flat().join(" ") : outcome.reason.text,
  delay: ({ delay }) => delay,
  bounceCat: ({ outcome }) => CATEGORIES[Number(statusOf(outcome).split(".")[1])] ?? CATEGORIES[0],
};

export default {
  name: "accounting-files",
  about: "Writes a line to a file for every recipient that was delivered to, deferred or given up.",
  files: [ACCOUNTING_INI],
  async setup({ config, dataDir, log, machine: { host, clock }, server, signal }) {
    const settings = await config.ini(ACCOUNTING_INI);
    let ledgers = new Map<Kind, Ledger>();
    const close = () => {
      for (const ledger of ledgers.values()) ledger.close();
      ledgers = new Map();
    };
    settings.onChange(close);
    signal.addEventListener("abort", close, { once: true });

    function write(kind: Kind, item: Item, outcomes: readonly Outcome[], destIp = "", delay?: number): void {
      const { value } = settings;
      const separator = value.main.separator ?? "\t";
      const now = clock.now();
      try {
        let ledger = ledgers.get(kind);
        if (ledger === undefined) ledgers.set(kind, ledger = new Ledger(host, clock, placeOf(kind, value, dataDir)));
        for (const outcome of outcomes) {
          const line: Line = { kind, item, outcome, now, me: server.name, destIp, delay };
          ledger.append(value.fields[kind].map((field) => clean(column(field, line), separator)).join(""));
        }
      } catch (fault) {
        log.error(`Cannot write to the accounting files: ${fault instanceof Error ? fault.message : String(fault)}`);
      }
    }

    return {
      data_post({ transaction, message: { header } }) {
        for (const field of new Set(Object.values(settings.value.fields).flat())) {
          if (!field.startsWith("custom_")) continue;
          const value = header.getDecoded(field.slice("custom_".length));
          if (value !== undefined) transaction.notes.set([NOTE, field], value);
        }
        return undefined;
      },
      delivered: ({ item, outcomes, via }) => void write("delivered", item, outcomes, via.ip),
      deferred({ item, attempt, delay }) {
        const waiting = attempt.outcomes.filter(({ kind }) => kind === "deferred");
        return void write("deferred", item, waiting, attempt.via?.ip, delay);
      },
      bounce({ item, outcomes }) {
        write("bounce", item, outcomes);
        return settings.value.main.bounce_reports ? undefined : { kind: "ok" };
      },
    };
  },
} satisfies Plugin;

function placeOf(
  kind: Kind,
  { main, location, archive_to, fields }: Settings<typeof ACCOUNTING_INI.shape>,
  data: string,
) {
  const base = main.path.startsWith("/") ? main.path : `${data}/${main.path}`;
  const folder = `${base.replace(/\/+$/, "")}/${inside(location[kind] ?? kind)}`;
  const separator = main.separator ?? "\t";
  const archive = {
    folder: `${folder}/${inside(archive_to[kind] ?? "archive")}`,
    afterMs: main.archive_interval * 1000,
    afterBytes: main.max_size * 1024 * 1024,
  };
  return {
    folder,
    prefix: PREFIXES[kind],
    extension: main.extension,
    heading: fields[kind].map((field) => field + separator).join(""),
    ...(main.archiving ? { archive } : {}),
  };
}

/** A name as written, `/delivered` too. */
function inside(name: string): string {
  return name.replace(/^\/+|\/+$/g, "");
}

function column(field: string, line: Line): unknown {
  if (!field.startsWith("custom_")) return COLUMNS[field]?.(line);
  const kept = line.item.envelope.notes[NOTE];
  return typeof kept === "object" && kept !== null ? (kept as { readonly [field: string]: unknown })[field] : undefined;
}

function statusOf(outcome: Outcome): string {
  return outcome.kind === "delivered" ? outcome.reply.enhanced ?? String(outcome.reply.code) : outcome.reason.status;
}

/** With nothing in it that could be taken for the end of a field or a line. */
function clean(value: unknown, separator: string): string {
  // deno-lint-ignore no-control-regex
  return String(value ?? "").replace(/[\x00-\x1f\x7f]+/g, " ").replaceAll(separator, " ") + separator;
}
