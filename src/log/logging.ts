/**
 * The log of the house: levels, ids, the `log` hook, and sinks over `@std/log`.
 *
 * {@linkcode createLogging} gives the root logger and the switches that configuration turns while we run. A message below the level
 * costs one comparison. With `holdForHook`, lines wait until the hook is known ({@linkcode Logging.attachHook}) and are then given to
 * it in order; `flush()` writes out what still waits, so that a start that fails says why. Logging never throws.
 */
import { type BaseHandler, type LogLevel, LogLevels, LogRecord } from "@std/log";
import type { Clock } from "../base/clock.ts";
import { type EventName, type EventOf, EVENTS } from "./events.ts";
import { formatItem, type LogFormat } from "./format.ts";
import { type Fields, type LevelName, LEVELS, type Logger, type LogItem } from "./types.ts";

/** Whether the hook took the line, so that the sinks shall not have it. */
export type LogHook = (item: LogItem) => boolean | Promise<boolean>;

export interface LoggingOptions {
  readonly clock: Pick<Clock, "now">;
  /** Each gets every line that the hook leaves: `record.msg` is the line, `record.args[0]` its LogItem. */
  readonly sinks: readonly BaseHandler[];
  /** Default WARN, as before any configuration is read. */
  readonly level?: LevelName;
  readonly format?: LogFormat;
  readonly timestamps?: boolean;
  readonly holdForHook?: boolean;
  /** Hears of every named event, whatever the level: for metrics. Must not throw. */
  readonly onEvent?: <N extends EventName>(name: N, event: EventOf<N>) => void;
}

export interface Logging {
  readonly root: Logger;
  level: LevelName;
  format: LogFormat;
  timestamps: boolean;
  /** As in the options; may be set later, by whoever starts to count. */
  onEvent: LoggingOptions["onEvent"];
  /** A line that another thread's log let through: to hook and sinks as it is, whatever our level. */
  pass(item: LogItem): void;
  /** Names the hook, or that there is none, and replays what was held. */
  attachHook(hook: LogHook | undefined): void;
  /** Writes everything that waits, here and in the sinks. */
  flush(): void;
}

export function createLogging(options: LoggingOptions): Logging {
  return new HouseLog(options);
}

/** A start that never names its hook must not fill the memory. */
const MOST_HELD = 10_000;
const NO_FIELDS: Fields = Object.freeze({});

const STD_LEVELS: { readonly [L in LevelName]: LogLevel } = {
  EMERG: LogLevels.CRITICAL,
  ALERT: LogLevels.CRITICAL,
  CRIT: LogLevels.CRITICAL,
  ERROR: LogLevels.ERROR,
  WARN: LogLevels.WARN,
  NOTICE: LogLevels.INFO,
  INFO: LogLevels.INFO,
  DEBUG: LogLevels.DEBUG,
  PROTOCOL: LogLevels.DEBUG,
  DATA: LogLevels.DEBUG,
};

class HouseLog implements Logging {
  readonly root: Logger;
  onEvent: LoggingOptions["onEvent"];
  format: LogFormat;
  timestamps: boolean;
  /** The number of the level, compared on every call. */
  most: number;
  readonly #clock: Pick<Clock, "now">;
  readonly #sinks: readonly BaseHandler[];
  #level: LevelName;
  #hook: LogHook | undefined;
  #held: LogItem[] | undefined;
  #inHook = false;

  constructor(options: LoggingOptions) {
    this.#clock = options.clock;
    this.#sinks = options.sinks;
    this.#level = options.level ?? "WARN";
    this.most = LEVELS[this.#level];
    this.format = options.format ?? "default";
    this.timestamps = options.timestamps ?? false;
    this.onEvent = options.onEvent;
    if (options.holdForHook) this.#held = [];
    this.root = new HouseLogger(this, "", "");
  }

  get level(): LevelName {
    return this.#level;
  }
  set level(level: LevelName) {
    this.#level = level;
    this.most = LEVELS[level];
  }

  attachHook(hook: LogHook | undefined): void {
    this.#hook = hook;
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const item of held) this.#offer(item);
  }

  flush(): void {
    for (const item of this.#held?.splice(0) ?? []) this.#write(item);
    for (const sink of this.#sinks) (sink as BaseHandler & { flush?: () => void }).flush?.();
  }

  emit(level: LevelName, uuid: string, origin: string, message: string, fields: Fields): void {
    this.pass({ time: this.#clock.now(), level, uuid, origin, message, fields });
  }

  pass(item: LogItem): void {
    if (this.#held === undefined) return this.#offer(item);
    this.#held.push(item);
    if (this.#held.length > MOST_HELD) this.flush();
  }

  #offer(item: LogItem): void {
    // What the hook itself has to say would only come back to it.
    if (this.#hook === undefined || this.#inHook) return this.#write(item);
    let taken: boolean | Promise<boolean> = false;
    this.#inHook = true;
    try {
      taken = this.#hook(item);
    } catch {
      // A log plugin that fails loses nothing: the line goes where it would have gone without the plugin.
    } finally {
      this.#inHook = false;
    }
    if (typeof taken === "boolean") { if (!taken) this.#write(item); }
    else taken.then((took) => took || this.#write(item), () => this.#write(item));
  }

  #write(item: LogItem): void {
    const msg = formatItem(item, this.format, this.timestamps);
    const record = new LogRecord({ msg, args: [item], level: STD_LEVELS[item.level], loggerName: item.origin });
    for (const sink of this.#sinks) {
      try {
        sink.handle(record);
      } catch {
        // Nobody is left to be told, and mail goes on without a log.
      }
    }
  }
}

class HouseLogger implements Logger {
  readonly #house: HouseLog;
  readonly #uuid: string;
  readonly #origin: string;

  constructor(house: HouseLog, uuid: string, origin: string) {
    this.#house = house;
    this.#uuid = uuid;
    this.#origin = origin;
  }

  enabled(level: LevelName): boolean {
    return LEVELS[level] <= this.#house.most;
  }

  log(level: LevelName, message: string, fields: Fields = NO_FIELDS): void {
    if (LEVELS[level] <= this.#house.most) this.#house.emit(level, this.#uuid, this.#origin, message, fields);
  }

  event<N extends EventName>(name: N, event: EventOf<N>): void {
    this.#house.onEvent?.(name, event);
    const row = EVENTS[name];
    if (LEVELS[row.level] > this.#house.most) return;
    const { message, fields } = row.line(event);
    this.#house.emit(row.level, this.#uuid, this.#origin, message, fields);
  }

  child(ids: { uuid?: string; origin?: string }): Logger {
    return new HouseLogger(this.#house, ids.uuid ?? this.#uuid, ids.origin ?? this.#origin);
  }

  data(message: string, fields?: Fields): void {
    this.log("DATA", message, fields);
  }
  protocol(message: string, fields?: Fields): void {
    this.log("PROTOCOL", message, fields);
  }
  debug(message: string, fields?: Fields): void {
    this.log("DEBUG", message, fields);
  }
  info(message: string, fields?: Fields): void {
    this.log("INFO", message, fields);
  }
  notice(message: string, fields?: Fields): void {
    this.log("NOTICE", message, fields);
  }
  warn(message: string, fields?: Fields): void {
    this.log("WARN", message, fields);
  }
  error(message: string, fields?: Fields): void {
    this.log("ERROR", message, fields);
  }
  crit(message: string, fields?: Fields): void {
    this.log("CRIT", message, fields);
  }
  alert(message: string, fields?: Fields): void {
    this.log("ALERT", message, fields);
  }
  emerg(message: string, fields?: Fields): void {
    this.log("EMERG", message, fields);
  }
}
