/**
 * Reads a line of the log back, in any of its three forms (`format.ts`): for those who look for something in a log.
 *
 * Whatever stands in front of the line (a time, the journal's or syslog's words, colours) is passed over. A line that is none of ours is
 * undefined. Haraka's own lines have the same forms. Never throws.
 */
import { type LevelName, LEVELS } from "./types.ts";

export interface ParsedLine {
  /** Milliseconds; undefined for a line without a time. */
  readonly time: number | undefined;
  readonly level: LevelName;
  /** "" when the line belongs to nobody. */
  readonly uuid: string;
  readonly origin: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, string>>;
}

export function parseLine(line: string): ParsedLine | undefined {
  const plain = line.includes("\x1b") ? line.replace(COLOUR, "") : line;
  return parseDefault(plain) ?? parseLogfmt(plain) ?? parseJson(plain);
}

// deno-lint-ignore no-control-regex
const COLOUR = /\x1b\[[\d;]*m/g;
const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)/;
const DEFAULT = /\[([A-Z]+)\] \[([^\]]*)\] \[([^\]]*)\] (.*)$/;
/** ` key=value` pairs up to the end: as many as there are. */
const PAIRS = /(?: [^\s="\\]+=(?:"(?:[^"\\]|\\.)*"|[^\s"]*))+$/;
const PAIR = /([^\s="\\]+)=("(?:[^"\\]|\\.)*"|[^\s"]*)/g;

function parseDefault(line: string): ParsedLine | undefined {
  const [, level, uuid = "", origin = "", rest = ""] = DEFAULT.exec(line) ?? [];
  if (!isLevel(level)) return undefined;
  const at = PAIRS.exec(rest)?.index ?? rest.length;
  return {
    time: timeIn(line),
    level,
    uuid: uuidOf(uuid),
    origin,
    message: rest.slice(0, at),
    fields: pairsOf(rest.slice(at)),
  };
}

function parseLogfmt(line: string): ParsedLine | undefined {
  const at = line.indexOf("level=");
  if (at < 0) return undefined;
  const { level, uuid, origin, message, ...fields } = pairsOf(line.slice(at));
  if (!isLevel(level) || uuid === undefined || message === undefined) return undefined;
  return { time: timeIn(line), level, uuid: uuidOf(uuid), origin: origin ?? "", message, fields: withoutMarks(fields) };
}

function parseJson(line: string): ParsedLine | undefined {
  const at = line.indexOf("{");
  if (at < 0) return undefined;
  let said: unknown;
  try {
    said = JSON.parse(line.slice(at));
  } catch {
    return undefined;
  }
  if (typeof said !== "object" || said === null) return undefined;
  const { timestamp, level, uuid, origin, message, ...others } = said as Record<string, unknown>;
  if (!isLevel(level)) return undefined;
  const fields = Object.fromEntries(Object.entries(others).map(([key, value]) => [key, text(value)]));
  return {
    time: timeIn(typeof timestamp === "string" ? timestamp : line.slice(0, at)),
    level,
    uuid: uuidOf(text(uuid)),
    origin: text(origin),
    message: text(message),
    fields: withoutMarks(fields),
  };
}

function pairsOf(text: string): Record<string, string> {
  const out: Record<string, string> = Object.create(null);
  for (const [, key = "", value = ""] of text.matchAll(PAIR)) {
    out[key] = value.startsWith('"') ? value.slice(1, -1).replace(/\\(["\\])/g, "$1") : value;
  }
  return out;
}

/** A field whose name the line itself has got an underscore. */
function withoutMarks(fields: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(fields).map((
      [key, value],
    ) => [/^(timestamp|level|uuid|origin|message)_$/.test(key) ? key.slice(0, -1) : key, value]),
  );
}

function text(value: unknown): string {
  return typeof value === "string" ? value : value === undefined || value === null ? "" : String(value);
}

function uuidOf(shown: string): string {
  return shown === "-" ? "" : shown;
}

function timeIn(text: string): number | undefined {
  const found = TIME.exec(text)?.[0];
  const time = found === undefined ? NaN : Date.parse(found);
  return Number.isNaN(time) ? undefined : time;
}

function isLevel(name: unknown): name is LevelName {
  return typeof name === "string" && Object.hasOwn(LEVELS, name);
}
