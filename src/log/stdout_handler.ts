/**
 * The sink that writes to standard output: a handler of `@std/log`, coloured on a terminal, gathered otherwise.
 *
 * Lines of one tick go out in one write at the end of the tick; `flush()` writes at once. A pipe that is full for the moment is tried
 * again; past {@linkcode MOST_WAITING} octets lines are dropped and counted. A pipe that is gone is forgotten. Never throws.
 */
import { BaseHandler, type LogRecord } from "@std/log";
import { type Bytes, concat, EMPTY, utf8Encode } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import type { Host } from "../host/types.ts";
import type { LevelName, LogItem } from "./types.ts";

export const MOST_WAITING = 4 * 1024 * 1024;
/** Lines are handed over sooner than at the end of the tick once they are this many characters. */
const ENOUGH = 64 * 1024;
const AGAIN_MS = 20;

const GREEN = "32", GREY = "90", CYAN = "36", BLUE = "34", RED = "31";
const COLOURS: { readonly [L in LevelName]: string } = {
  DATA: GREEN,
  PROTOCOL: GREEN,
  DEBUG: GREY,
  INFO: CYAN,
  NOTICE: BLUE,
  WARN: RED,
  ERROR: RED,
  CRIT: RED,
  ALERT: RED,
  EMERG: RED,
};

export class StdoutHandler extends BaseHandler {
  readonly #out: Host["stdout"];
  readonly #clock: Pick<Clock, "after">;
  readonly #colours: boolean;
  #text = "";
  #waiting: Bytes = EMPTY;
  #scheduled = false;
  #retrying = false;
  #dropped = 0;
  #gone = false;

  constructor(out: Host["stdout"], clock: Pick<Clock, "after">, colours: boolean = out.isTerminal()) {
    super("NOTSET");
    this.#out = out;
    this.#clock = clock;
    this.#colours = colours;
  }

  override format(record: LogRecord): string {
    if (!this.#colours) return record.msg;
    const level = (record.args[0] as LogItem | undefined)?.level;
    return level === undefined ? record.msg : `\x1b[${COLOURS[level]}m${record.msg}\x1b[39m`;
  }

  log(line: string): void {
    if (this.#gone) return;
    if (this.#waiting.length + this.#text.length > MOST_WAITING) {
      this.#dropped++;
      return;
    }
    this.#text += `${line}\n`;
    if (this.#retrying) return;
    if (this.#text.length >= ENOUGH) this.flush();
    else if (!this.#scheduled) {
      this.#scheduled = true;
      queueMicrotask(() => {
        this.#scheduled = false;
        if (!this.#retrying) this.flush();
      });
    }
  }

  flush(): void {
    if (this.#text === "" && this.#waiting.length === 0) return;
    if (this.#dropped > 0) {
      this.#text += `[WARN] [-] [core] ${this.#dropped} log lines were dropped: standard output did not take them\n`;
      this.#dropped = 0;
    }
    const text = utf8Encode(this.#text);
    let left = this.#waiting.length === 0 ? text : concat([this.#waiting, text]);
    this.#text = "";
    try {
      while (left.length > 0) left = left.subarray(this.#out.writeSync(left));
      this.#waiting = EMPTY;
    } catch (error) {
      if (isFull(error)) this.#tryAgain(left);
      else this.#gone = true;
    }
  }

  override destroy(): void {
    this.flush();
  }

  #tryAgain(left: Bytes): void {
    this.#waiting = left;
    if (this.#retrying) return;
    this.#retrying = true;
    this.#clock.after(AGAIN_MS, () => {
      this.#retrying = false;
      this.flush();
    });
  }
}

/** A non-blocking pipe whose reader is slow: Deno says WouldBlock, Node EAGAIN. */
function isFull(error: unknown): boolean {
  const { name, code } = error as { name?: string; code?: string };
  return name === "WouldBlock" || code === "EAGAIN";
}
