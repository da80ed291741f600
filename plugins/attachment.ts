/**
 * Refuses messages by the names and types of their attachments, and by what lies in archives.
 *
 * Everything is looked at when the message is whole, without another program: an archive is gone through in this process, within limits of depth,
 * size, number and time. What cannot be looked into is told of and treated as `unreadable` says.
 */
import {
  ArchiveSearch,
  type ArchiveTrouble,
  deadline,
  DeadlineError,
  defer,
  deny,
  everyPart,
  newDigest,
  newId,
  type Part,
  type Plugin,
  type Refusal,
  Spool,
  type Transaction,
} from "kasi";
import { ATTACHMENT_INI, patternsOf, rulesOf } from "./attachment_ini.ts";
import { extensionIn, extensionOf, printable, spellings } from "./attachment_names.ts";

/** What refuses an archive for good, in this order → what the client is told. */
const REFUSED = {
  depth: "Message contains archives nested too deep",
  octets: "Message contains an archive that decompresses to too much",
  members: "Message contains an archive with too many files",
  encrypted: "Message contains an encrypted archive",
} as const;
const UNREADABLE = "Message contains an archive that cannot be looked into";

type Trouble = Pick<ArchiveTrouble, "where" | "detail"> & { readonly kind: ArchiveTrouble["kind"] | "late" };

export default {
  name: "attachment",
  about: "Refuses attachments by name and type, those in archives too.",
  files: [ATTACHMENT_INI],
  async setup({ name, config, log, machine, dataDir }) {
    const settings = await config.ini(ATTACHMENT_INI);
    const [byFile, byType, byMember] = [
      await patternsOf(config, "attachment.filename.regex", log),
      await patternsOf(config, "attachment.ctype.regex", log),
      await patternsOf(config, "attachment.archive.filename.regex", log),
    ];
    let rules = rulesOf(settings.value);
    settings.onChange((value) => rules = rulesOf(value));

    const newSearch = (signal: AbortSignal) => {
      const { max_total_bytes, max_total_entries } = settings.value.archive;
      return new ArchiveSearch({
        limits: { depth: rules.depth, octets: max_total_bytes, members: max_total_entries },
        isArchive: (file) => extensionIn(rules.archives, file) !== undefined,
        newSpool: () => {
          machine.host.mkdirSync(dataDir, { recursive: true });
          return new Spool({ host: machine.host, path: `${dataDir}/attachment-${newId()}` });
        },
        signal,
      });
    };

    /** Reads an attachment to its end: for its sum, and for what lies in it. */
    async function read(part: Part, { transaction, search, signal }: Reading): Promise<void> {
      const digest = newDigest("md5");
      let bytes = 0;
      const octets = part.open()[Symbol.asyncIterator]();
      const counted = {
        async next() {
          signal.throwIfAborted();
          const piece = await octets.next();
          if (!piece.done) {
            digest.update(piece.value);
            bytes += piece.value.length;
          }
          return piece;
        },
      };
      try {
        await search.look(part.filenames, { [Symbol.asyncIterator]: () => counted });
        while (!(await counted.next()).done);
      } finally {
        await octets.return?.();
      }
      const ctype = typesOf(part)[0] ?? "unknown/unknown";
      const md5 = digest.hex();
      const { filename } = part;
      append(transaction, "attachments", { ctype, filename, extension: extensionOf(filename ?? ""), md5 });
      transaction.results.push(name, { attach: { file: filename, ctype, md5, bytes } });
      transaction.log.info(
        `file=${JSON.stringify(filename ?? "")} ctype=${JSON.stringify(ctype)} md5=${md5} bytes=${bytes}`,
      );
    }

    /** Every part, as far as time allows. */
    async function readAll(parts: readonly Part[], reading: Reading): Promise<Trouble[]> {
      const { transaction, search, signal } = reading;
      const late: Trouble[] = [];
      try {
        for (const part of parts) await read(part, reading);
      } catch (fault) {
        if (!(signal.reason instanceof DeadlineError)) throw fault;
        late.push({ kind: "late", where: "the message", detail: signal.reason.message });
      }
      append(transaction, "attachment_archive_files", ...search.names);
      return [...search.troubles, ...late];
    }

    function judge(transaction: Transaction, troubles: readonly Trouble[], isTrusted: boolean): Refusal | undefined {
      const { results, notes } = transaction;
      const [files, types, members] = ["attachment_files", "attachment_ctypes", "attachment_archive_files"].map(
        (note) => notes.get(note) as readonly string[],
      ) as [readonly string[], readonly string[], readonly string[]];
      const { unreadable } = settings.value.archive;
      const bears = ({ kind }: Trouble) =>
        kind === "encrypted" ? !rules.allowEncrypted : kind in REFUSED || (unreadable !== "accept" && !isTrusted);
      for (const trouble of troubles) {
        results.add(name, { [bears(trouble) ? "fail" : "msg"]: `archive_${trouble.kind}(${trouble.where})` });
        transaction.log.info(trouble.detail);
      }
      const failing = troubles.filter(bears);
      for (const [kind, text] of Object.entries(REFUSED)) {
        const found = failing.find((trouble) => trouble.kind === kind);
        if (found !== undefined) return refuse(`${text} (${printable(found.where)})`);
      }
      const fails = (what: string, item: string, text: string) => {
        results.add(name, { fail: `${what}(${item})` });
        return refuse(`${text} (${printable(item)})`);
      };
      for (const file of [...files, ...members]) {
        const extension = extensionIn(rules.disallowed, file);
        if (extension !== undefined) {
          return fails("extension", extension, "Message contains a disallowed file extension");
        }
      }
      const type = firstMatch(types, byType());
      if (type !== undefined) return fails("ctype", type, "Message contains an unacceptable content type");
      const file = firstMatch(files, byFile());
      if (file !== undefined) return fails("filename", file, "Message contains an unacceptable attachment");
      const member = firstMatch(members, byMember());
      if (member !== undefined) return fails("archive_file", member, "Message contains an unacceptable attachment");
      const [worst] = failing;
      if (worst === undefined) return undefined;
      const text = `${UNREADABLE} (${printable(worst.where)})`;
      return unreadable === "deny" ? refuse(text) : defer(text, { enhanced: "4.7.1" });
    }

    return {
      data({ transaction: { body, notes } }) {
        body.parse();
        for (const list of LISTS) notes.set(list, []);
        notes.set("attachment_count", 0);
        return undefined;
      },

      async data_post({ session, transaction, signal }) {
        const { body, results } = transaction;
        const parts = [...everyPart(await body.tree())];
        append(transaction, "attachment_ctypes", ...parts.flatMap(typesOf));
        append(transaction, "attachment_files", ...parts.flatMap(({ filenames }) => filenames));
        const attached = parts.filter((part) =>
          !part.media.type.startsWith("multipart/") && (part.isAttachment || part.filenames.length > 0)
        );
        let troubles: readonly Trouble[] = [];
        if (attached.length > 0 && body.discardData) results.add(name, { skip: "the message was not kept" });
        else if (attached.length > 0) {
          const { timeout } = settings.value.main;
          const ms = 1000 * timeout - Math.min(1000, 500 * timeout);
          const limit = deadline(machine.clock, ms, "Looking into the attachments", signal);
          try {
            const search = newSearch(limit.signal);
            troubles = await readAll(attached, { transaction, search, signal: limit.signal });
          } finally {
            limit.end();
          }
        }
        const refusal = judge(transaction, troubles, session.relaying);
        if (refusal === undefined && attached.length > 0) results.add(name, { pass: "attachments" });
        return refusal;
      },
    };
  },
} satisfies Plugin;

interface Reading {
  readonly transaction: Transaction;
  readonly search: ArchiveSearch;
  readonly signal: AbortSignal;
}

const LISTS = ["attachments", "attachment_ctypes", "attachment_files", "attachment_archive_files"] as const;

/** Notes may have been lost on the way from `data`, where another plugin had them reset. */
function append({ notes }: Transaction, list: typeof LISTS[number], ...items: readonly unknown[]): void {
  const before = notes.get(list);
  notes.set(list, [...Array.isArray(before) ? before : [], ...items]);
}

/** As stated, all of them where there are several. */
function typesOf({ header }: Part): string[] {
  return header.getAll("Content-Type").flatMap((value) =>
    /^\s*([^/\s;]+\/[^;\s]+)/.exec(value)?.[1]?.toLowerCase() ?? []
  );
}

function firstMatch(items: readonly string[], patterns: readonly RegExp[]): string | undefined {
  if (patterns.length === 0) return undefined;
  return items.find((item) => spellings(item).some((spelling) => patterns.some((pattern) => pattern.test(spelling))));
}

function refuse(text: string): Refusal {
  return deny(text, { enhanced: "5.7.1" });
}
