/**
 * xtext (RFC 3461 §4): text made safe for an ESMTP parameter's value; and what RFC 6533 §3 makes of an address that is not ASCII. Of each
 * form the two functions are inverses.
 */
import { utf8Encode } from "../base/bytes.ts";

const fatal = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** xchar: "!" to "~" but "+" and "=". */
const PLAIN = /^[!-*,-<>-~]*$/;
const XTEXT = /^(?:[!-*,-<>-~]|\+[0-9A-F]{2})*$/;

export function encodeXtext(text: string): string {
  if (PLAIN.test(text)) return text;
  let out = "";
  for (const octet of utf8Encode(text)) {
    const char = String.fromCharCode(octet);
    out += octet < 0x80 && PLAIN.test(char) ? char : `+${octet.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return out;
}

/** `undefined`: not xtext, or not UTF-8 once decoded. */
export function decodeXtext(text: string): string | undefined {
  if (PLAIN.test(text)) return text;
  if (!XTEXT.test(text)) return undefined;
  const octets: number[] = [];
  for (let i = 0; i < text.length; i++) {
    if (text[i] === "+") {
      octets.push(parseInt(text.slice(i + 1, i + 3), 16));
      i += 2;
    } else octets.push(text.charCodeAt(i));
  }
  try {
    return fatal.decode(new Uint8Array(octets));
  } catch {
    return undefined;
  }
}

/** RFC 6533 §3, utf-8-addr-xtext: an address in ASCII; what is not printable ASCII, and `+`, `=`, `\`, stand as `\x{HEX}`. */
export function encodeUtf8Address(address: string): string {
  return Array.from(address, (char) => {
    const code = char.codePointAt(0)!;
    return QCHAR.test(char) ? char : `\\x{${code.toString(16).toUpperCase().padStart(2, "0")}}`;
  }).join("");
}

const QCHAR = /^[!-*,-<>-[\]-~]$/;
/** One char of it, or of utf-8-addr-unitext, where UTF-8 may stand as it is. */
const ADDRESS_TEXT = /^(?:[!-*,-<>-[\]-~\u{80}-\u{10ffff}]|\\x\{[0-9A-F]{2,6}\})*$/u;

/** Reads utf-8-addr-xtext and utf-8-addr-unitext. `undefined`: neither, or a code that is no character. */
export function decodeUtf8Address(text: string): string | undefined {
  if (!ADDRESS_TEXT.test(text)) return undefined;
  let sound = true;
  const address = text.replace(/\\x\{([0-9A-F]+)\}/g, (_, hex: string) => {
    const code = parseInt(hex, 16);
    if (code <= 0x10ffff && (code < 0xd800 || code > 0xdfff)) return String.fromCodePoint(code);
    sound = false;
    return "";
  });
  return sound ? address : undefined;
}
