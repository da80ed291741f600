/** The console handler of `@std/log` 0.224. */
import { BaseHandler, type BaseHandlerOptions } from "./base_handler.ts";
import { type LevelName, LogLevels } from "./levels.ts";
import type { LogRecord } from "./logger.ts";

export interface ConsoleHandlerOptions extends BaseHandlerOptions {
  useColors?: boolean;
}

const RED = "31", BOLD_RED = "1;31", BLUE = "34", YELLOW = "33";
const COLOURS: ReadonlyMap<number, string> = new Map([
  [LogLevels.INFO, BLUE],
  [LogLevels.WARN, YELLOW],
  [LogLevels.ERROR, RED],
  [LogLevels.CRITICAL, BOLD_RED],
]);

/** Writes each record by `console.log`, coloured by its level unless told otherwise. */
export class ConsoleHandler extends BaseHandler {
  readonly #useColors: boolean;

  constructor(levelName: LevelName, options: ConsoleHandlerOptions = {}) {
    super(levelName, options);
    this.#useColors = options.useColors ?? true;
  }

  override format(logRecord: LogRecord): string {
    const text = super.format(logRecord);
    const colour = this.#useColors ? COLOURS.get(logRecord.level) : undefined;
    return colour === undefined ? text : `\x1b[${colour}m${text}\x1b[0m`;
  }

  log(msg: string): void {
    console.log(msg);
  }
}
