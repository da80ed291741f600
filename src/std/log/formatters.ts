/** Ready-made formatters of `@std/log` 0.224. */
import type { LogRecord } from "./logger.ts";

/** One JSON object: level, datetime (epoch milliseconds), message and, when there are any, args. */
export function jsonFormatter(logRecord: LogRecord): string {
  const { levelName: level, datetime, msg: message, args } = logRecord;
  const line = { level, datetime: datetime.getTime(), message };
  if (args.length === 0) return JSON.stringify(line);
  return JSON.stringify({ ...line, args: args.length === 1 ? args[0] : args });
}

export const formatters: { jsonFormatter(logRecord: LogRecord): string } = { jsonFormatter };
