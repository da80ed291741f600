import assert from "node:assert/strict";
import * as log from "@std/log";
import { test } from "../kit/test.ts";

class Kept extends log.BaseHandler {
  readonly lines: string[] = [];
  set = 0;
  override setup(): void {
    this.set++;
  }
  override destroy(): void {
    this.set--;
  }
  log(line: string): void {
    this.lines.push(line);
  }
}

test("a logger passes its level and above to its handlers, and they theirs", () => {
  const all = new Kept("NOTSET");
  const some = new Kept("ERROR");
  const logger = new log.Logger("x", "INFO", { handlers: [all, some] });
  assert.equal(logger.debug("a"), "a");
  assert.equal(logger.info("b", 1), "b");
  logger.error("c");
  assert.deepEqual(all.lines, ["INFO b", "ERROR c"]);
  assert.deepEqual(some.lines, ["ERROR c"]);
  logger.levelName = "CRITICAL";
  assert.equal(logger.level, log.LogLevels.CRITICAL);
  logger.error("d");
  assert.equal(all.lines.length, 2);
});

test("a function is called only when its level is on", () => {
  const kept = new Kept("NOTSET");
  const logger = new log.Logger("x", "WARN", { handlers: [kept] });
  let calls = 0;
  assert.equal(logger.info(() => ++calls), undefined);
  assert.equal(logger.warn(() => ++calls), 1);
  assert.equal(calls, 1);
  assert.deepEqual(kept.lines, ["WARN 1"]);
});

test("setup names handlers and loggers, destroys the old ones", () => {
  const one = new Kept("NOTSET");
  log.setup({ handlers: { one }, loggers: { default: { level: "DEBUG", handlers: ["one", "unknown"] }, quiet: {} } });
  assert.equal(one.set, 1);
  log.debug("a");
  log.critical(() => "b");
  log.getLogger("quiet").error("c");
  assert.deepEqual(one.lines, ["DEBUG a", "CRITICAL b"]);
  log.setup({ handlers: { default: new Kept("NOTSET") } });
  assert.equal(one.set, 0);
});

test("the json formatter writes one object", () => {
  const make = (args: unknown[]) => new log.LogRecord({ msg: "m", args, level: log.LogLevels.INFO, loggerName: "x" });
  const { level, message, datetime, args } = JSON.parse(log.formatters.jsonFormatter(make([])));
  assert.deepEqual([level, message, typeof datetime, args], ["INFO", "m", "number", undefined]);
  assert.equal(JSON.parse(log.jsonFormatter(make([1]))).args, 1);
  assert.deepEqual(JSON.parse(log.jsonFormatter(make([1, 2]))).args, [1, 2]);
});

test("levels have names and numbers; others are refused", () => {
  for (const name of log.LogLevelNames) assert.equal(log.getLevelName(log.getLevelByName(name)), name);
  assert.throws(() => log.getLevelByName("LOUD" as log.LevelName));
  assert.throws(() => log.getLevelName(7 as log.LogLevel));
});
