/**
 * Haraka 3.0's places of settings that 3.1 keeps elsewhere: flat files, and keys of smtp.ini (spec 01 §3.2, 02 §2).
 *
 * Where the present key says nothing, the old place is honoured, read as the present key would be.
 */
import { ConfigError } from "../base/config_error.ts";
import { placeOf } from "./apply_shape.ts";
import { readSetting } from "./read_setting.ts";
import type { FileShape, Section, Settings, Shape } from "./shape.ts";

export interface OldPlace {
  readonly section: string;
  readonly key: string;
  /** A flat file that held it, … */
  readonly file?: string;
  /** … how its text would be written today, … */
  readonly translate?: (text: string) => string;
  /** … or a section of smtp.ini. */
  readonly smtp?: string;
}

/** Haraka meant the whole id by a plain yes. */
const idLength = (text: string) => /^(true|yes|ok|enabled|on|1)$/i.test(text) ? "36" : /^\d+$/.test(text) ? text : "0";
const wholeIdOrNone = (text: string) => /^(true|yes|ok|enabled|on|1)$/i.test(text) ? "36" : "0";

export const OLD_CONNECTION: readonly OldPlace[] = [
  { section: "main", key: "spool_dir", smtp: "main" },
  { section: "main", key: "spool_after", smtp: "main" },
  { section: "main", key: "strict_rfc1869", smtp: "main" },
  { section: "main", key: "strict_rfc1869", file: "strict_rfc1869" },
  { section: "main", key: "smtputf8", smtp: "main" },
  { section: "headers", key: "add_received", smtp: "headers" },
  { section: "headers", key: "show_version", smtp: "headers" },
  { section: "headers", key: "clean_auth_results", smtp: "headers" },
  { section: "headers", key: "max_received", smtp: "headers" },
  { section: "headers", key: "max_received", file: "max_received_count" },
  { section: "headers", key: "max_lines", smtp: "headers" },
  { section: "headers", key: "max_lines", file: "max_header_lines" },
  { section: "max", key: "bytes", file: "databytes" },
  { section: "max", key: "mime_parts", file: "max_mime_parts" },
  { section: "max", key: "line_length", file: "max_line_length" },
  { section: "max", key: "data_line_length", file: "max_data_line_length" },
  { section: "message", key: "helo", file: "ehlo_hello_message" },
  { section: "message", key: "close", file: "connection_close_message" },
  { section: "uuid", key: "banner_chars", file: "banner_includes_uuid", translate: wholeIdOrNone },
  { section: "uuid", key: "deny_chars", file: "deny_includes_uuid", translate: idLength },
];

export const OLD_OUTBOUND: readonly OldPlace[] = [
  { section: "main", key: "disabled", file: "outbound.disabled" },
  { section: "main", key: "concurrency_max", file: "outbound.concurrency_max" },
  { section: "main", key: "enable_tls", file: "outbound.enable_tls" },
  { section: "main", key: "received_header", file: "outbound.received_header" },
  { section: "main", key: "maxTempFailures", file: "outbound.maxTempFailures" },
  { section: "main", key: "temp_fail_intervals", file: "outbound.temp_fail_intervals" },
];

export const OLD_PLUGINS: readonly OldPlace[] = [{ section: "main", key: "plugin_timeout", file: "plugin_timeout" }];

export interface OldSources {
  /** What the flat file says; undefined when it is missing or says nothing. */
  file(name: string): string | undefined;
  readonly smtp?: { readonly [section: string]: object };
  /** Told of each old place that counted. */
  notice(old: string, present: string): void;
}

/** The settings, completed from the old places. Throws ConfigError when an old file holds a value of the wrong form. */
export function withOldPlaces<S extends Shape>(
  shape: FileShape<S>,
  settings: Settings<S>,
  places: readonly OldPlace[],
  sources: OldSources,
): Settings<S> {
  const out = new Map<string, { [key: string]: unknown }>();
  for (const place of places) {
    const section = (settings as unknown as { [name: string]: object })[place.section]!;
    const copy = out.get(place.section) ?? { ...section };
    if (placeOf(section, place.key) !== undefined || placeOf(copy, place.key) !== undefined) continue;
    const found = fromSmtp(place, sources) ?? fromFile(shape, place, sources);
    if (found === undefined) continue;
    sources.notice(found.from, `${shape.file} [${place.section}] ${place.key}`);
    copy[place.key] = found.value;
    out.set(place.section, copy);
  }
  return { ...settings, ...Object.fromEntries(out) };
}

interface Found {
  readonly value: unknown;
  readonly from: string;
}

function fromSmtp(place: OldPlace, { smtp }: OldSources): Found | undefined {
  const section = place.smtp === undefined ? undefined : smtp?.[place.smtp];
  if (section === undefined || placeOf(section, place.key) === undefined) return undefined;
  return { value: (section as { [key: string]: unknown })[place.key], from: `smtp.ini [${place.smtp}] ${place.key}` };
}

function fromFile(shape: FileShape, place: OldPlace, sources: OldSources): Found | undefined {
  const text = place.file === undefined ? undefined : sources.file(place.file);
  if (text === undefined) return undefined;
  const setting = (shape.shape[place.section] as Section)[place.key]!;
  const read = readSetting(setting, { value: place.translate?.(text) ?? text, file: place.file! });
  if (!read.ok) throw new ConfigError({ file: place.file!, current: text, wanted: read.wanted });
  return { value: read.value, from: `The file ${place.file}` };
}
