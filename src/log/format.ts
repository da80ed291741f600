/**
 * The three forms of a log line: `default`, `logfmt` and `json`, as Haraka's users parse them.
 *
 * A line is one line: whatever a peer managed to put into a message, line breaks and control characters are shown, not sent.
 */
import type { Fields, LogItem } from "./types.ts";

export type LogFormat = "default" | "logfmt" | "json";

/** In any case; undefined for an unknown name. */
export function parseFormat(text: string): LogFormat | undefined {
  const name = text.trim().toLowerCase();
  return Object.hasOwn(FORMATS, name) ? name as LogFormat : undefined;
}

/** One line without its line end. With `timestamp` the time stands in front; in JSON it is a key, so that the line still parses. */
export function formatItem(item: LogItem, format: LogFormat, timestamp: boolean): string {
  return FORMATS[format](item, timestamp ? new Date(item.time).toISOString() : undefined);
}

const FORMATS: { readonly [F in LogFormat]: (item: LogItem, time: string | undefined) => string } = {
  default: (item, time) =>
    `${prefix(time)}[${item.level}] [${shown(item.uuid || "-")}] [${shown(item.origin || "core")}] ` +
    `${shown(item.message)}${pairs(item.fields)}`,
  logfmt: (item, time) =>
    `${prefix(time)}level=${item.level} uuid=${quoted(item.uuid || "-")} origin=${quoted(item.origin || "core")} ` +
    `message=${quoted(item.message)}${pairs(item.fields, RESERVED)}`,
  json: jsonLine,
};

/** Names the line itself has; a field of the same name gets an underscore behind it. */
const RESERVED: ReadonlySet<string> = new Set(["timestamp", "level", "uuid", "origin", "message"]);
const NONE: ReadonlySet<string> = new Set();

function prefix(time: string | undefined): string {
  return time === undefined ? "" : `${time} `;
}

function jsonLine(item: LogItem, time: string | undefined): string {
  const line: Record<string, unknown> = time === undefined ? {} : { timestamp: time };
  line.level = item.level;
  line.uuid = item.uuid || "-";
  line.origin = item.origin || "core";
  line.message = withoutLastBreak(item.message);
  for (const key of Object.keys(item.fields)) {
    Object.defineProperty(line, RESERVED.has(key) ? `${key}_` : key, {
      value: item.fields[key] ?? null,
      enumerable: true,
      configurable: true,
    });
  }
  // JSON leaves these as they are, and a terminal obeys some of them.
  return JSON.stringify(line).replace(C1, (char) => `\\u00${char.charCodeAt(0).toString(16)}`);
}

const C1 = /[\x7f-\x9f]/g;

function pairs(fields: Fields, reserved: ReadonlySet<string> = NONE): string {
  let out = "";
  for (const key in fields) {
    const name = /[\s="\\]/.test(key) ? key.replace(/[\s="\\]/g, "_") : key;
    out += ` ${reserved.has(name) ? `${name}_` : name}=${quoted(fields[key])}`;
  }
  return out;
}

// deno-lint-ignore no-control-regex
const NEEDS_QUOTES = /[\x00-\x20="\\\x7f-\x9f]/;

/** Spec 01 §6: quoted when empty or when a blank, `=`, `"` or a backslash stands in it; those two are escaped. */
function quoted(value: Fields[string]): string {
  if (value === null || value === undefined || value === "") return '""';
  const text = typeof value === "string" ? withoutLastBreak(value) : String(value);
  return NEEDS_QUOTES.test(text) ? `"${shown(text.replace(/["\\]/g, "\\$&"))}"` : text;
}

// deno-lint-ignore no-control-regex
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f-\x9f]/;
const ALL_CONTROL = new RegExp(CONTROL, "g");

/** Text that is safe for a line and for a terminal. */
function shown(text: string): string {
  return CONTROL.test(text) ? withoutLastBreak(text).replace(ALL_CONTROL, escape) : text;
}

function escape(char: string): string {
  if (char === "\r") return "\\r";
  if (char === "\n") return "\\n";
  return `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`;
}

function withoutLastBreak(text: string): string {
  return text.endsWith("\n") ? text.slice(0, text.endsWith("\r\n") ? -2 : -1) : text;
}
