/**
 * Haraka's dialect of ini (spec 01 §4.2), every key with the file and line it stands in.
 *
 * Nothing is converted here: a value is the text that stands there, `undefined` for a bare key, an array for `key[] =` lines; types come from
 * shapes. A line that is neither section nor key becomes a fault and is skipped. `@std/ini` is not used: it knows no bare keys, arrays
 * or continuations, guesses types and forgets line numbers, so that a layer above it would have to be this reader already.
 */
import type { ConfigFault } from "../base/config_error.ts";
import { parseData } from "./lines.ts";

export interface IniEntry {
  readonly value: string | undefined | readonly string[];
  readonly file: string;
  /** 1-based; absent when the value comes from a `!file` override. */
  readonly line?: number;
}
export type IniSection = ReadonlyMap<string, IniEntry>;
export interface Ini {
  /** `main` is always there. */
  readonly sections: ReadonlyMap<string, IniSection>;
  /** File and line of each section's first heading. */
  readonly headings: ReadonlyMap<string, { readonly file: string; readonly line?: number }>;
  readonly faults: readonly ConfigFault[];
}

/** Names that would reach into an object's prototype. */
export const FORBIDDEN_NAMES: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

const COMMENT_OR_BLANK = /^\s*(?:[;#]|$)/;
const CONTINUES = /\\[ \t]*$/;
const HEADING = /^\s*\[\s*([^\]]*?)\s*\]\s*$/;
const KEY = /^\s*([\w@:.+\-/[\]]+)\s*(?:=\s*(.*?)\s*)?$/;

export function parseIni(text: string, file: string): Ini {
  const sections = new Map<string, Map<string, IniEntry>>([["main", new Map()]]);
  const headings = new Map<string, { file: string; line: number }>();
  const faults: ConfigFault[] = [];
  let section = sections.get("main")!;

  for (const { text: line, number } of logicalLines(text)) {
    const heading = HEADING.exec(line);
    if (heading) {
      const name = heading[1]!;
      section = sections.get(name) ?? new Map();
      if (FORBIDDEN_NAMES.has(name)) continue;
      sections.set(name, section);
      if (!headings.has(name)) headings.set(name, { file, line: number });
      continue;
    }
    const key = KEY.exec(line);
    if (key) setKey(section, key[1]!, key[2], { file, line: number });
    else faults.push({ file, line: number, current: line.trim(), wanted: "[section], key = value, or a comment" });
  }
  return { sections, headings, faults };
}

/** Comments and blanks left out, continued lines joined; the number is that of the first line. */
function* logicalLines(text: string): Generator<{ text: string; number: number }> {
  let pending = "";
  let first = 0;
  let number = 0;
  for (const line of parseData(text)) {
    number++;
    if (COMMENT_OR_BLANK.test(line)) continue;
    if (pending === "") first = number;
    if (CONTINUES.test(line)) {
      pending += line.replace(CONTINUES, "");
      continue;
    }
    yield { text: pending + line, number: first };
    pending = "";
  }
  if (pending !== "") yield { text: pending, number: first };
}

function setKey(
  section: Map<string, IniEntry>,
  written: string,
  value: string | undefined,
  place: { file: string; line: number },
): void {
  const isItem = written.endsWith("[]");
  const name = isItem ? written.slice(0, -2) : written;
  if (name === "" || FORBIDDEN_NAMES.has(name)) return;
  if (!isItem) {
    section.set(name, { value, ...place });
    return;
  }
  const before = section.get(name);
  const items = before && Array.isArray(before.value) ? before.value : [];
  section.set(name, { value: [...items, value ?? ""], file: place.file, line: before?.line ?? place.line });
}

/** Key by key, what stands in `site` wins. */
export function mergeIni(defaults: Ini, site: Ini): Ini {
  const sections = new Map<string, IniSection>(defaults.sections);
  for (const [name, entries] of site.sections) {
    sections.set(name, new Map([...sections.get(name) ?? [], ...entries]));
  }
  return {
    sections,
    headings: new Map([...defaults.headings, ...site.headings]),
    faults: [...defaults.faults, ...site.faults],
  };
}

/** An ini file given as a tree: `{"!smtp.ini": {"main": {"nodes": 1}}}`. */
export function iniFromTree(tree: unknown, file: string): Ini {
  const sections = new Map<string, Map<string, IniEntry>>([["main", new Map()]]);
  const faults: ConfigFault[] = [];
  for (const [name, content] of entriesOf(tree)) {
    if (FORBIDDEN_NAMES.has(name)) continue;
    if (content === null || typeof content !== "object") {
      faults.push({ file, setting: name, current: String(content), wanted: "a section: an object of keys and values" });
      continue;
    }
    const section = new Map<string, IniEntry>();
    sections.set(name, section);
    for (const [key, value] of entriesOf(content)) {
      if (FORBIDDEN_NAMES.has(key)) continue;
      section.set(key, {
        value: Array.isArray(value) ? value.map(String) : value === null ? undefined : String(value),
        file,
      });
    }
  }
  return { sections, headings: new Map(), faults };
}

function entriesOf(tree: unknown): [string, unknown][] {
  return tree !== null && typeof tree === "object" && !Array.isArray(tree) ? Object.entries(tree) : [];
}
