/** Lines of the log as syslog messages: RFC 5424, and the older form that RFC 3164 describes. */
import { formatLogItem, type LevelName, type LogItem, syslogTime } from "kasi";

/** RFC 5424 §6.2.1. */
const FACILITIES = (
  "kern user mail daemon auth syslog lpr news uucp cron authpriv ftp ntp audit alert clock " +
  "local0 local1 local2 local3 local4 local5 local6 local7"
).split(" ");
const SEVERITIES: { readonly [L in LevelName]: number } = {
  EMERG: 0,
  ALERT: 1,
  CRIT: 2,
  ERROR: 3,
  WARN: 4,
  NOTICE: 5,
  INFO: 6,
  DEBUG: 7,
  PROTOCOL: 7,
  DATA: 7,
};

export type SyslogFormat = "rfc5424" | "rfc3164";

export interface Sender {
  /** Our machine's name. */
  readonly host: string;
  readonly name: string;
  readonly pid: number | undefined;
}

/** `MAIL`, `mail` or `LOG_MAIL`; undefined for no facility. */
export function facilityOf(text: string): number | undefined {
  const at = FACILITIES.indexOf(text.trim().toLowerCase().replace(/^log_/, ""));
  return at < 0 ? undefined : at;
}

export function priorityOf(facility: number, level: LevelName): number {
  return facility * 8 + SEVERITIES[level];
}

/** What a line says, without time; control characters are blanks. */
export function textOf(item: LogItem): string {
  // deno-lint-ignore no-control-regex
  return formatLogItem(item, "default", false).replace(/[\x00-\x1f\x7f-\x9f]+/g, " ");
}

export function messageOf(format: SyslogFormat, item: LogItem, priority: number, { host, name, pid }: Sender): string {
  const text = textOf(item);
  return format === "rfc5424"
    // RFC 5424 §6: no message id, no structured data.
    ? `<${priority}>1 ${new Date(item.time).toISOString()} ${word(host, 255)} ${word(name, 48)} ${
      pid ?? "-"
    } - - ${text}`
    : `<${priority}>${syslogTime(item.time)} ${word(host, 255)} ${word(name, 32)}${
      pid === undefined ? "" : `[${pid}]`
    }: ${text}`;
}

/** Printable ASCII without blanks, or the sign for nothing. */
function word(text: string, most: number): string {
  return text.replace(/[^!-~]+/g, "").slice(0, most) || "-";
}
