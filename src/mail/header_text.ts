/**
 * From a name and a value to the octets of one header field, safely.
 *
 * Promises that whatever a plugin hands in becomes exactly one field: line breaks are folded, NUL is dropped, lines longer than
 * RFC 5322 §2.1.1 allows are folded at white space. Throws a TypeError for a name that cannot stand in a header.
 */
import { type Bytes, utf8Encode } from "../base/bytes.ts";
import { encodeWords } from "./encoded_words.ts";

/** RFC 5322 §3.6.8: ftext, printable US-ASCII but the colon. */
const NAME = /^[!-9;-~]+$/;
/** RFC 5322 §2.1.1: the hard limit of a line, and the one we fold to once folding is needed. */
const LONGEST_LINE = 998;
const FOLD_TO = 78;

/** Fields that hold addresses or signatures, where an encoded word would change the meaning: UTF-8 stays as it is (RFC 6532). */
const NEVER_ENCODED =
  /^(?:received|return-path|delivered-to|authentication-results|received-spf|dkim-signature|arc-.*|x-envelope-.*)$/i;

const UNSAFE = /[\0\r\n]/;
/** Folded as it will be: each break has text before it and stands before blanks and text. */
const FOLDED = /^[^\0\r\n]*[^\0\r\n\s](?:\r\n[ \t]+(?![ \t])[^\0\r\n]*[^\0\r\n\s])*$/;
const BREAKS = /[\r\n][ \t\r\n]*/g;

/** The white space a folded line goes on with. */
function indent(run: string): string {
  return run.slice(Math.max(run.lastIndexOf("\r"), run.lastIndexOf("\n")) + 1) || " ";
}

/** `Name: value` CRLF. With `utf8`, text other than ASCII stays as it is (RFC 6532) instead of becoming encoded words. */
export function fieldBytes(name: string, value: string, utf8: boolean = NEVER_ENCODED.test(name)): Bytes {
  return utf8Encode(`${checkedName(name)}: ${safeValue(name, value, utf8)}\r\n`);
}

function checkedName(name: string): string {
  if (!NAME.test(name)) {
    throw new TypeError(
      `Cannot write this header field: current name is ${
        JSON.stringify(name)
      }; wanted printable ASCII without colon or space`,
    );
  }
  return name;
}

/** The value as it will stand behind `Name: `. */
function safeValue(name: string, value: string, utf8: boolean): string {
  let text = value;
  if (UNSAFE.test(text) && !FOLDED.test(text)) {
    text = text.replaceAll("\0", "").replace(/^[\r\n]+/, "").trimEnd().replace(BREAKS, (run) => `\r\n${indent(run)}`);
  }
  if (!utf8 && /[^\0-\x7f]/.test(text)) text = encodeWords(text);
  return text.length + name.length > LONGEST_LINE - 2 ? foldLong(text, name.length + 2) : text;
}

/** Folds at white space; a single word longer than the limit stays whole. */
function foldLong(text: string, used: number): string {
  return text.split("\r\n").map((line, index) => {
    const room = index === 0 ? used : 0;
    if (line.length + room <= LONGEST_LINE) return line;
    let out = "";
    let width = room;
    // A line of nothing but white space could be taken for the end of the header.
    let words = 0;
    for (const word of line.split(/(?=[ \t])/)) {
      const blank = word === " " || word === "\t";
      if (width + word.length > FOLD_TO && words > 0 && !blank) {
        out += "\r\n";
        width = 0;
        words = 0;
      }
      if (!blank) words++;
      out += word;
      width += word.length;
    }
    return out;
  }).join("\r\n");
}
