/** The types of the log room: levels, events, loggers, sinks. */

/** Haraka's ten levels; a line is written when its number is at most the configured one. */
export const LEVELS = {
  EMERG: 0,
  ALERT: 1,
  CRIT: 2,
  ERROR: 3,
  WARN: 4,
  NOTICE: 5,
  INFO: 6,
  DEBUG: 7,
  PROTOCOL: 8,
  DATA: 9,
} as const;
export type LevelName = keyof typeof LEVELS;
export type Fields = { readonly [key: string]: string | number | boolean | null | undefined };

/** One line of the log before it is formatted. */
export interface LogItem {
  readonly time: number;
  readonly level: LevelName;
  /** Session, transaction or delivery id; "" when there is none. */
  readonly uuid: string;
  /** Plugin or room: `core`, `outbound`, `queue`, a plugin's name. */
  readonly origin: string;
  readonly message: string;
  readonly fields: Fields;
}

export interface Logger {
  /** Ask before building a costly message. */
  enabled(level: LevelName): boolean;
  log(level: LevelName, message: string, fields?: Fields): void;
  data(message: string, fields?: Fields): void;
  protocol(message: string, fields?: Fields): void;
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  notice(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  crit(message: string, fields?: Fields): void;
  alert(message: string, fields?: Fields): void;
  emerg(message: string, fields?: Fields): void;
  /** A named event of `events.ts`: its row there says level, message and fields. */
  event<N extends EventName>(name: N, event: EventOf<N>): void;
  /** The same sink under another id or origin. */
  child(ids: { uuid?: string; origin?: string }): Logger;
}

import type { EventName, EventOf } from "./events.ts";
