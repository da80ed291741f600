/**
 * Media types and their parameters (RFC 2045 §5.1, RFC 2231): as much of MIME as a header needs.
 *
 * Reads what real mail has, not only what the grammar allows. Never throws.
 */
import { concat, latin1Encode } from "../base/bytes.ts";
import { decodeCharset, decodeExtended, decodePercent } from "./encoded_words.ts";

export interface MediaType {
  /** `text/plain`, lower case; "" when there is none. For a disposition: `attachment`. */
  readonly type: string;
  /** Lower-case names; continuations joined, extended values decoded. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** One `name=value` as written: the name may carry RFC 2231's `*0`, `*0*` or `*`. */
const PARAMETER = /;\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\[^])*)"|([^;]*))/g;
const SECTION = /^([^*]+)(?:\*(\d{1,3}))?(\*)?$/;

/** Reads a Content-Type or Content-Disposition value. */
export function parseMediaType(value: string): MediaType {
  const text = value.replace(/\r?\n(?=[ \t])/g, "");
  const semicolon = text.indexOf(";");
  const type = (semicolon < 0 ? text : text.slice(0, semicolon)).replace(/\([^()]*\)/g, "").trim().toLowerCase();
  return { type, parameters: semicolon < 0 ? new Map() : readParameters(text.slice(semicolon)) };
}

/**
 * Everything that a Content-Disposition or Content-Type states as a file's name: where a parameter stands there twice, or in more than one form,
 * readers differ in which they show.
 */
export function statedNames(value: string): string[] {
  const text = value.replace(/\r?\n(?=[ \t])/g, "");
  const { parameters } = parseMediaType(text);
  const names = [parameters.get("filename"), parameters.get("name")];
  for (const match of text.matchAll(PARAMETER)) {
    const [, key, , extended] = SECTION.exec(match[1]!.toLowerCase()) ?? [];
    if ((key !== "filename" && key !== "name") || /\*\d/.test(match[1]!)) continue;
    const plain = match[2] === undefined ? match[3]!.trim() : match[2].replace(/\\([^])/g, "$1");
    names.push(extended === undefined ? plain : parseMediaType(`;${key}*=${plain}`).parameters.get(key));
  }
  return [...new Set(names.filter((name) => name !== undefined && name !== ""))] as string[];
}

interface Section {
  readonly number: number;
  readonly extended: boolean;
  readonly text: string;
}

function readParameters(text: string): Map<string, string> {
  const sections = new Map<string, Section[]>();
  for (const match of text.matchAll(PARAMETER)) {
    const name = SECTION.exec(match[1]!);
    if (name === null) continue;
    const value = match[2] === undefined ? match[3]!.trim() : match[2].replace(/\\([^])/g, "$1");
    const section = { number: Number(name[2] ?? 0), extended: name[3] !== undefined, text: value };
    const key = name[1]!.toLowerCase();
    const known = sections.get(key);
    if (known === undefined) sections.set(key, [section]);
    else if (!known.some((other) => other.number === section.number)) known.push(section);
    // RFC 2231 §4.1 says nothing of a plain form beside the extended one; the extended one says more.
    else if (section.extended) known[known.findIndex((other) => other.number === section.number)] = section;
  }
  const parameters = new Map<string, string>();
  for (const [key, list] of sections) parameters.set(key, joinSections(list));
  return parameters;
}

function joinSections(list: Section[]): string {
  list.sort((a, b) => a.number - b.number);
  if (!list.some((section) => section.extended)) return list.map((section) => section.text).join("");
  let charset = "utf-8";
  const parts = list.map((section, index) => {
    if (!section.extended) return latin1Encode(section.text);
    const first = index === 0 ? decodeExtended(section.text) : undefined;
    if (first === undefined) return decodePercent(section.text);
    if (first.charset !== "") charset = first.charset;
    return first.bytes;
  });
  const bytes = concat(parts);
  return decodeCharset(bytes, charset) ?? decodeCharset(bytes, "latin1")!;
}

/**
 * A header value with its RFC 2231 parameters written plainly: `a; filename*=utf-8''%c3%a4` becomes `a; filename="ä"`. Values
 * without such parameters come back as they are.
 */
export function decodeParameterText(value: string): string {
  if (!/;\s*[^\s=;"*]+\*(?:\d+\*?)?\s*=/.test(value)) return value;
  const semicolon = value.indexOf(";");
  let out = value.slice(0, semicolon).trimEnd();
  for (const [name, text] of parseMediaType(value).parameters) out += `; ${name}="${text.replace(/["\\]/g, "\\$&")}"`;
  return out;
}

/** A Content-Type value with a parameter set anew, the others as they stand. The value is one token (RFC 2045 §5.1). */
export function setParameter(value: string, name: string, token: string): string {
  const pattern = new RegExp(`;\\s*${name}(?:\\*\\d*\\*?)?\\s*=\\s*(?:"(?:[^"\\\\]|\\\\[^])*"|[^;]*)`, "gi");
  return `${value.replace(pattern, "").trimEnd().replace(/;$/, "")}; ${name}=${token}`;
}
