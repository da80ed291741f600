/**
 * Stand-in for `@std/ini` 1.x: the same names and signatures for what we use (architecture §9), our own code.
 *
 * Values are guessed: a quoted value is text, `true`, `false` and `null` are themselves, what `Number` can read is a number, else text.
 * A line that is neither a comment, nor a section, nor `key=value` throws a SyntaxError with its line and column.
 */

/** Makes a value out of the one that was read. `section` is undefined for keys above the first section. */
// deno-lint-ignore no-explicit-any
export type ReviverFunction = (key: string, value: any, section?: string) => any;

/** Makes text out of a value. */
// deno-lint-ignore no-explicit-any
export type ReplacerFunction = (key: string, value: any, section?: string) => string;

export interface ParseOptions {
  reviver?: ReviverFunction;
}

export interface StringifyOptions {
  /** Puts blanks around the `=`. */
  pretty?: boolean;
  replacer?: ReplacerFunction;
}

const SECTION = /^\[([^\]]*)\]$/;
const COMMENT = /^(?:#|;|\/\/)/;
const QUOTED = /^"(.*)"$/;
const WORDS: ReadonlyMap<string, unknown> = new Map<string, unknown>([["null", null], ["true", true], [
  "false",
  false,
]]);

/** Reads INI text into an object; sections become objects in it. */
export function parse<T extends object>(text: string, options: ParseOptions = {}): T {
  if (typeof text !== "string") {
    throw new SyntaxError(`Unexpected token ${text} in INI at line 0`);
  }
  const { reviver } = options;
  const whole: Record<string, unknown> = {};
  let into = whole;
  let section: string | undefined;
  let number = 0;
  for (const raw of text.split(/\r\n|\r|\n/)) {
    number++;
    const line = raw.trim();
    if (line === "" || COMMENT.test(line)) continue;
    if (line.startsWith("[")) {
      section = SECTION.exec(line)?.[1]?.trim();
      if (section === undefined || section === "") fail(raw, number, raw.length);
      into = {};
      define(whole, section!, into);
      continue;
    }
    const equals = raw.indexOf("=");
    const key = raw.slice(0, equals).trim();
    if (equals < 0) fail(raw, number, raw.length);
    if (key === "") fail(raw, number, equals);
    const value = guess(raw.slice(equals + 1).trim());
    define(into, key, reviver === undefined ? value : reviver(key, value, section));
  }
  return whole as T;
}

function fail(line: string, number: number, column: number): never {
  throw new SyntaxError(`Unexpected token ${line[column] ?? ""} in INI at line ${number}:${column}`);
}

/** Own and enumerable whatever the name, so that `__proto__` is a key like any other. */
function define(object: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}

function guess(text: string): unknown {
  const quoted = QUOTED.exec(text);
  if (quoted !== null) return quoted[1];
  if (WORDS.has(text)) return WORDS.get(text);
  if (text === "") return text;
  const number = Number(text);
  return Number.isNaN(number) ? text : number;
}

/** Writes an object as INI text: plain values first, then one section for each object in it. */
export function stringify(object: object, options: StringifyOptions = {}): string {
  const { replacer = (_key: string, value: unknown) => `${value ?? ""}`, pretty = false } = options;
  const assign = pretty ? " = " : "=";
  const entries = Object.entries(object);
  const isSection = (value: unknown) =>
    typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
  const lines = entries.filter(([, value]) => !isSection(value)).map(([key, value]) =>
    `${key}${assign}${replacer(key, value, undefined)}`
  );
  for (const [section, values] of entries.filter(([, value]) => isSection(value))) {
    lines.push(`[${section}]`);
    for (const [key, value] of Object.entries(values)) lines.push(`${key}${assign}${replacer(key, value, section)}`);
  }
  return lines.join("\n");
}
