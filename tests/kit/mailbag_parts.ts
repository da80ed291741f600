/** The parts that made-up letters are made of: texts in a charset and an encoding, HTML, attachments of several types, multiparts. */
import { type Bytes, concat, latin1Decode, latin1Encode, utf8Encode } from "../../src/base/bytes.ts";
import { encodeTransfer } from "../../src/mail/transfer.ts";
import type { Random } from "../fuzz/random.ts";
import { type Language, octetsOf } from "./mail_words.ts";

export interface Entity {
  /** Field lines, each with its CRLF. */
  readonly head: string;
  readonly body: Bytes;
}

export function entity(type: string, content: Bytes | string, encoding: string): Entity {
  const octets = typeof content === "string" ? utf8Encode(content) : content;
  return {
    head: `Content-Type: ${type}\r\nContent-Transfer-Encoding: ${encoding}\r\n`,
    body: encodeTransfer(octets, encoding),
  };
}

export function serialize({ head, body }: Entity): Bytes {
  const end = latin1Decode(body.subarray(-2)) === "\r\n" ? "" : "\r\n";
  return concat([utf8Encode(`${head}\r\n`), body, utf8Encode(end)]);
}

export function multipart(type: string, random: Random, parts: readonly Entity[]): Entity {
  const boundary = `=_${random.below(2 ** 31).toString(36)}_${random.below(2 ** 31).toString(36)}`;
  const [kind, ...parameters] = type.split(";");
  const head = `Content-Type: multipart/${[kind, ...parameters].join(";")};\r\n\tboundary="${boundary}"\r\n`;
  const pieces = parts.flatMap((part) => [utf8Encode(`--${boundary}\r\n`), serialize(part)]);
  return { head, body: concat([...pieces, utf8Encode(`--${boundary}--\r\n`)]) };
}

/** Some paragraphs; a line that begins with a dot now and then. */
export function letterText({ sentences }: Language, random: Random): string {
  const paragraph = () => Array.from({ length: 1 + random.below(4) }, () => random.pick(sentences)).join("\r\n");
  const dots = random.below(12) === 0 ? "\r\n...\r\n." : "";
  return `${Array.from({ length: 1 + random.below(4) }, paragraph).join("\r\n\r\n")}${dots}\r\n`;
}

/** In one of the language's charsets, encoded in a way that its octets allow. */
export function textPart(text: string, { charsets }: Language, random: Random): Entity {
  const charset = random.pick(charsets);
  const octets = octetsOf(text, charset);
  const isSevenBit = octets.every((octet) => octet < 128);
  const encoding = random.pick(
    isSevenBit ? ["7bit", "7bit", "quoted-printable"] : ["8bit", "quoted-printable", "base64"],
  );
  const label = random.pick([charset, charset.toUpperCase(), `"${charset}"`]);
  return entity(`text/plain; charset=${label}${random.pick(["", "; format=flowed"])}`, octets, encoding);
}

export function html(inner: string, random: Random): Entity {
  const whole =
    `<!DOCTYPE html>\r\n<html><head><meta charset="utf-8"></head>\r\n<body>\r\n${inner}\r\n</body></html>\r\n`;
  return entity("text/html; charset=UTF-8", whole, random.pick(["quoted-printable", "base64", "8bit"]));
}

export interface MadeFile {
  readonly type: string;
  readonly extension: string;
  readonly octets: Bytes;
}

export function attachment(file: MadeFile, name: string, random: Random): Entity {
  const whole = `${name}.${file.extension}`;
  const isPlain = /^[\x20-\x7e]*$/.test(whole);
  const parameter = isPlain
    ? `filename="${whole}"`
    // RFC 2231 §4, or the encoded word that many programs send all the same.
    : random.pick([`filename*=UTF-8''${encodeURIComponent(whole)}`, `filename="${field(whole, "UTF-8", random)}"`]);
  const made = entity(file.type, file.octets, "base64");
  return { ...made, head: `${made.head}Content-Disposition: attachment;\r\n\t${parameter}\r\n` };
}

/** Text for a header: as it is if ASCII, else an RFC 2047 word in that charset, B or Q. */
export function field(text: string, charset: string, random: Random): string {
  // deno-lint-ignore no-control-regex
  if (/^[\x00-\x7f]*$/.test(text)) return text;
  const octets = octetsOf(text, charset);
  const q = [...octets].map((octet) =>
    /[A-Za-z0-9]/.test(String.fromCharCode(octet))
      ? String.fromCharCode(octet)
      : octet === 32
      ? "_"
      : `=${octet.toString(16).toUpperCase().padStart(2, "0")}`
  ).join("");
  return random.below(2) === 0 ? `=?${charset}?B?${btoa(latin1Decode(octets))}?=` : `=?${charset}?Q?${q}?=`;
}

export function mailboxOf(name: string, address: string, charset: string, random: Random): string {
  const said = field(name, charset, random);
  return said === name ? `"${name}" <${address}>` : `${said} <${address}>`;
}

const SYLLABLES = ["ka", "si", "to", "mi", "ra", "ne", "lo", "vu"];
export const word = (random: Random): string => Array.from({ length: 3 }, () => random.pick(SYLLABLES)).join("");

/** Octets that no text has, the same each time. */
function noise(length: number): Bytes {
  let state = 12345;
  return Uint8Array.from({ length }, () => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) >>> 24);
}

/** A ZIP of one stored file: local header, directory, end (APPNOTE 4.3). */
function zip(name: string, content: Bytes): Bytes {
  const le = (value: number, octets: number) => Array.from({ length: octets }, (_, i) => (value >>> (8 * i)) & 255);
  const named = utf8Encode(name);
  const common = [
    ...le(20, 2),
    ...le(0, 2),
    ...le(0, 2),
    ...le(0, 4),
    ...le(0, 4),
    ...le(content.length, 4),
    ...le(content.length, 4),
  ];
  const local = Uint8Array.from([0x50, 0x4b, 3, 4, ...common, ...le(named.length, 2), ...le(0, 2), ...named]);
  const entry = Uint8Array.from([
    0x50,
    0x4b,
    1,
    2,
    ...le(20, 2),
    ...common,
    ...le(named.length, 2),
    ...le(0, 2),
    ...le(0, 2),
    ...le(0, 2),
    ...le(0, 2),
    ...le(0, 4),
    ...le(0, 4),
    ...named,
  ]);
  const start = local.length + content.length;
  const end = Uint8Array.from([
    0x50,
    0x4b,
    5,
    6,
    ...le(0, 4),
    ...le(1, 2),
    ...le(1, 2),
    ...le(entry.length, 4),
    ...le(start, 4),
    ...le(0, 2),
  ]);
  return concat([local, content, entry, end]);
}

const WORD_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";

export const FILES: { readonly [name: string]: MadeFile } = {
  pdf: {
    type: "application/pdf",
    extension: "pdf",
    octets: concat([latin1Encode("%PDF-1.4\n"), noise(9000), latin1Encode("\n%%EOF\n")]),
  },
  docx: {
    type: WORD_TYPE,
    extension: "docx",
    octets: zip("word/document.xml", utf8Encode("<w:document/>".repeat(300))),
  },
  png: { type: "image/png", extension: "png", octets: concat([latin1Encode("\x89PNG\r\n\x1a\n"), noise(3000)]) },
  jpeg: { type: "image/jpeg", extension: "jpg", octets: concat([latin1Encode("\xff\xd8\xff\xe0"), noise(20_000)]) },
  zip: { type: "application/zip", extension: "zip", octets: zip("notes.txt", utf8Encode("Notes.\r\n".repeat(200))) },
  csv: { type: "text/csv; charset=utf-8", extension: "csv", octets: utf8Encode("a;b;c\r\n".repeat(300)) },
};
