/** The settings of `attachment`, old and new. */
import { type Config, fileShape, type Logger, type Settings } from "kasi";

export const ATTACHMENT_INI = fileShape({
  file: "attachment.ini",
  about: "Which attachments are refused, and how far archives are looked into.",
  shape: {
    main: {
      timeout: {
        type: "number",
        default: 30,
        min: 0.1,
        about: "Seconds for all attachments of a message together; the last one is left for the answer.",
      },
      disallowed_extensions: {
        type: "words",
        // deno-fmt-ignore
        default: [
          "ade", "adp", "bat", "chm", "cmd", "com", "cpl", "exe", "hta", "ins", "isp", "jar", "jse", "lib", "lnk", "mde", "msc", "msp",
          "mst", "pif", "scr", "sct", "shb", "sys", "vb", "vbe", "vbs", "vxd", "wsc", "wsf", "wsh", "dll", "zip",
        ],
        about: "Endings of names that are refused, of attachments and of what lies in archives.",
      },
      archive_extensions: { type: "words", default: [], about: "Old: extensions of [archive]." },
      archive_extns: { type: "words", default: [], about: "Old: extensions of [archive]." },
      archive_max_depth: {
        type: "integer",
        default: 0,
        min: 0,
        about: "Old: max_depth of [archive], where it is not 0.",
      },
      allow_encrypted_archives: { type: "boolean", default: false, about: "Old: allow_encrypted of [archive]." },
    },
    archive: {
      extensions: {
        type: "words",
        default: ["zip", "tar", "tgz", "taz", "z", "gz", "rar", "7z"],
        about: "Endings of names that are to be archives. What is an archive by its content is looked into as well.",
      },
      max_depth: {
        type: "integer",
        default: 10,
        min: 0,
        about: "Archives within one another that are looked into; a message with more is refused.",
      },
      max_total_bytes: {
        type: "integer",
        default: 104_857_600,
        min: 0,
        about: "Octets that the archives of a message may decompress to; a message with more is refused.",
      },
      max_total_entries: {
        type: "integer",
        default: 1000,
        min: 0,
        about: "Files and folders that the archives of a message may hold; a message with more is refused.",
      },
      allow_encrypted: { type: "boolean", default: false, about: "Take archives with files that need a password." },
      unreadable: {
        type: "choice",
        of: ["accept", "defer", "deny"],
        default: "defer",
        about:
          "What becomes of an archive that is damaged, of a format that is not read, or not gone through in time. Of clients that may relay all are accepted.",
      },
    },
  },
});

export interface AttachmentRules {
  readonly disallowed: ReadonlySet<string>;
  readonly archives: ReadonlySet<string>;
  readonly depth: number;
  readonly allowEncrypted: boolean;
}

/** What the settings come to, the old ones heeded. */
export function rulesOf({ main, archive }: Settings<typeof ATTACHMENT_INI["shape"]>): AttachmentRules {
  const set = (words: readonly string[]) =>
    new Set(words.flatMap((word) => word.split(";")).map((word) => word.trim().replace(/^\./, "").toLowerCase()));
  const old = [main.archive_extensions, main.archive_extns].find((words) => words.length > 0);
  return {
    disallowed: set(main.disallowed_extensions),
    archives: set(old ?? archive.extensions),
    depth: main.archive_max_depth > 0 ? main.archive_max_depth : archive.max_depth,
    allowEncrypted: archive.allow_encrypted || main.allow_encrypted_archives,
  };
}

/** The regular expressions of a list, as they stand now. One that is none is told of and passed over. */
export async function patternsOf(config: Config, file: string, log: Logger): Promise<() => readonly RegExp[]> {
  const lines = await config.list(file);
  const compile = (list: readonly string[]) =>
    list.flatMap((line) => {
      try {
        return [new RegExp(line, "i")];
      } catch {
        log.error(`${file}: ${JSON.stringify(line)} is no regular expression; passed over`);
        return [];
      }
    });
  let patterns = compile(lines.value);
  lines.onChange((list) => patterns = compile(list));
  return () => patterns;
}
