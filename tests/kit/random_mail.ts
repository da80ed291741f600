/** Made-up MIME messages for property tests: multiparts in one another, texts in several charsets and encodings, attachments, attached messages. */
import { type Bytes, concat, latin1Encode, utf8Encode } from "../../src/base/bytes.ts";
import { encodeText } from "../../src/mail/charset.ts";
import { encodeTransfer } from "../../src/mail/transfer.ts";
import type { Random } from "../fuzz/random.ts";

export interface RandomMail {
  readonly bytes: Bytes;
  /** Types of all parts, depth first. */
  readonly types: readonly string[];
}

const WORDS = [
  "hello",
  "Grüße",
  "--",
  "--b",
  "-- b1",
  ".",
  "..",
  "From x",
  "naïve",
  "=3D",
  "</body>",
  "ß",
  "",
  " ",
  "{}~",
];
const CHARSETS = ["", "us-ascii", "utf-8", "iso-8859-1", "windows-1252"];
const ENCODINGS = ["", "7bit", "8bit", "base64", "quoted-printable", "Base64"];

export function randomMail(random: Random): RandomMail {
  const types: string[] = [];
  let boundaries = 0;
  const pick = <T>(of: readonly T[]): T => of[random.below(of.length)]!;
  const crlf = utf8Encode("\r\n");

  function text(): string {
    return Array.from(
      { length: random.below(6) },
      () => Array.from({ length: random.below(5) }, () => pick(WORDS)).join(" "),
    ).join("\r\n");
  }

  function leaf(type: string): Bytes {
    types.push(type);
    const charset = type.startsWith("text/") ? pick(CHARSETS) : "";
    const encoding = pick(ENCODINGS);
    const said = text();
    const plain = type.startsWith("text/")
      ? encodeText(said, charset) ?? utf8Encode(said.replace(/[^\0-\x7f]/g, "?"))
      : latin1Encode(said);
    const octets = encodeTransfer(plain, encoding.toLowerCase());
    const head = `Content-Type: ${type}${charset === "" ? "" : `; charset=${charset}`}\r\n` +
      (encoding === "" ? "" : `Content-Transfer-Encoding: ${encoding}\r\n`) +
      (type.startsWith("text/") ? "" : `Content-Disposition: attachment; filename=f${types.length}.bin\r\n`);
    return concat([utf8Encode(`${head}\r\n`), octets]);
  }

  function part(depth: number): Bytes {
    const what = random.below(depth > 4 ? 3 : 6);
    if (what < 2) return leaf(pick(["text/plain", "text/html"]));
    if (what === 2) return leaf("application/x-thing");
    if (what === 3) {
      types.push("message/rfc822");
      return concat([utf8Encode("Content-Type: message/rfc822\r\n\r\n"), part(depth + 1)]);
    }
    const type = `multipart/${pick(["mixed", "alternative", "related"])}`;
    types.push(type);
    const boundary = `b${++boundaries}`;
    const pieces: Bytes[] = [
      utf8Encode(`Content-Type: ${type};\r\n\tboundary="${boundary}"\r\n\r\n${pick(["", "preamble\r\n"])}`),
    ];
    for (let children = 1 + random.below(3); children > 0; children--) {
      pieces.push(utf8Encode(`--${boundary}${pick(["", "", " "])}\r\n`), part(depth + 1), crlf);
    }
    pieces.push(utf8Encode(`--${boundary}--${pick(["", "\r\nepilogue"])}`));
    return concat(pieces);
  }

  const bytes = concat([utf8Encode("Subject: x\r\nMIME-Version: 1.0\r\n"), part(0), crlf]);
  return { bytes, types };
}
