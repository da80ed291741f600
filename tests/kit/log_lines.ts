/** A sink that keeps the lines of a server's log: what the `log` hook leaves, formatted as on standard output. */
import { BaseHandler } from "@std/log";

export class LogLines extends BaseHandler {
  readonly lines: string[] = [];

  constructor() {
    super("NOTSET");
    this.formatter = (record) => record.msg;
  }

  override log(line: string): void {
    this.lines.push(line);
  }
}
