/** xtext (RFC 3461 §4): text made safe for an ESMTP parameter's value. `encodeXtext` and `decodeXtext` are inverses. */
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
