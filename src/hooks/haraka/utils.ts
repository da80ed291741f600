/** `require('haraka-utils')` for a site without that package: the small helpers that plugin files use. */
import { newId } from "../../base/ids.ts";
import { utf8Decode, utf8Encode } from "../../base/bytes.ts";
import { decodeBase64 } from "../../mail/encoded_words.ts";
import { formatDate } from "../../mail/date.ts";

const toBase64 = (text: string) => btoa(Array.from(utf8Encode(text), (byte) => String.fromCharCode(byte)).join(""));

export const UTILS: Readonly<Record<string, unknown>> = {
  uuid: newId,
  in_array: (item: unknown, array: unknown) => Array.isArray(array) && array.includes(item),
  /** `["a", "b"]`, or `"a, b"` → `{ a: true, b: true }`. */
  to_object: (list: string | readonly string[]) =>
    Object.fromEntries((typeof list === "string" ? list.split(/[\s,;]+/) : list).map((key) => [key, true])),
  sort_keys: (object: Record<string, unknown>) =>
    Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1))),
  uniq: (array: readonly unknown[]) => [...new Set(array)],
  extend: Object.assign,
  pad: (value: unknown, width: number, fill = "0") => String(value).padStart(width, String(fill)),
  date_to_str: (date: Date) => formatDate(date.getTime()),
  ISODate: (date: Date) => date.toISOString().replace(/\.\d+Z$/, "Z"),
  base64: (text: string) => toBase64(String(text)),
  unbase64: (text: string) => utf8Decode(decodeBase64(String(text))),
  prettySize(size: number): string | number {
    const power = size > 0 ? Math.min(4, Math.floor(Math.log2(size) / 10)) : 0;
    return power === 0 ? 0 : `${(size / 1024 ** power).toFixed(2)}${["B", "kB", "MB", "GB", "TB"][power]}`;
  },
  valid_regexes: (list: readonly string[]) => list.filter(isRegex),
  regexp_escape: escaped,
  wildcard_to_regexp: (text: string) => `${text.split(/([*?])/).map(wild).join("")}$`,
  shuffle(array: unknown[]): unknown[] {
    for (let i = array.length - 1; i > 0; i--) {
      const j = Math.floor(Math.random() * (i + 1));
      [array[i], array[j]] = [array[j], array[i]];
    }
    return array;
  },
  elapsed: (start: number, places = 3) => ((Date.now() - start) / 1000).toFixed(places),
  line_regexp: /^([^\n]*\n)/,
  node_min: () => true,
};

function isRegex(text: string): boolean {
  try {
    return Boolean(new RegExp(text));
  } catch {
    return false;
  }
}

/** Every character that means something in an expression, with a backslash in front. Node 22 has nothing of the kind. */
function escaped(text: string): string {
  return String(text).replace(/[\\^$.*+?()[\]{}|/#,\s-]/g, "\\$&");
}

function wild(piece: string): string {
  return piece === "*" ? ".*" : piece === "?" ? "." : escaped(piece);
}
