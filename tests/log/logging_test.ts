import assert from "node:assert/strict";
import { BaseHandler } from "@std/log";
import { createLogging, type LoggingOptions } from "../../src/log/logging.ts";
import { type LevelName, LEVELS } from "../../src/log/types.ts";
import { test } from "../kit/test.ts";

class Lines extends BaseHandler {
  readonly lines: string[] = [];
  constructor() {
    super("NOTSET", { formatter: (record) => record.msg });
  }
  log(line: string): void {
    this.lines.push(line);
  }
}

function make(options: Partial<LoggingOptions> = {}) {
  const sink = new Lines();
  const logging = createLogging({ clock: { now: () => 0 }, sinks: [sink], ...options });
  return { logging, log: logging.root, lines: sink.lines };
}

test("ten levels in order: a line is written when its number is at most the configured one [row 59]", () => {
  const names = Object.keys(LEVELS) as LevelName[];
  assert.deepEqual(names.map((name) => LEVELS[name]), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  for (const level of names) {
    const { log, lines } = make({ level });
    for (const name of names) log.log(name, name);
    log.data("m"), log.protocol("m"), log.debug("m"), log.info("m"), log.notice("m");
    log.warn("m"), log.error("m"), log.crit("m"), log.alert("m"), log.emerg("m");
    assert.equal(lines.length, 2 * (LEVELS[level] + 1), level);
    for (const name of names) assert.equal(log.enabled(name), LEVELS[name] <= LEVELS[level]);
  }
});

test("before anything is configured the level is WARN", () => {
  const { log, lines } = make();
  log.notice("no");
  log.warn("yes");
  assert.deepEqual(lines, ["[WARN] [-] [core] yes"]);
});

test("children carry their ids and go on with what they do not set", () => {
  const { log, lines } = make({ level: "INFO" });
  const session = log.child({ uuid: "AB", origin: "core" });
  session.child({ uuid: "AB.1" }).info("t", { a: 1 });
  session.child({ origin: "plug" }).info("p");
  session.info("s");
  assert.deepEqual(lines, ["[INFO] [AB.1] [core] t a=1", "[INFO] [AB] [plug] p", "[INFO] [AB] [core] s"]);
});

test("level, format and timestamps turn while we run, for every child", () => {
  const { logging, log, lines } = make();
  const child = log.child({ uuid: "X" });
  logging.level = "DEBUG";
  child.debug("one");
  logging.format = "logfmt";
  child.debug("two");
  logging.timestamps = true;
  logging.format = "default";
  child.debug("three");
  logging.level = "ERROR";
  child.warn("four");
  assert.deepEqual(lines, [
    "[DEBUG] [X] [core] one",
    "level=DEBUG uuid=X origin=core message=two",
    "1970-01-01T00:00:00.000Z [DEBUG] [X] [core] three",
  ]);
});

test("lines from before the plugins are held and replayed to the log hook in order [row 66]", () => {
  const { logging, log, lines } = make({ level: "INFO", holdForHook: true });
  log.info("Starting up");
  log.info("second");
  assert.equal(lines.length, 0);
  const heard: string[] = [];
  logging.attachHook((item) => {
    heard.push(item.message);
    return item.message === "second";
  });
  log.info("third");
  assert.deepEqual(heard, ["Starting up", "second", "third"]);
  assert.deepEqual(lines.map((line) => line.split(" ").at(-1)), ["up", "third"]);
});

test("without a hook the held lines are written; a start that fails flushes them", () => {
  const one = make({ level: "INFO", holdForHook: true });
  one.log.info("a");
  one.logging.attachHook(undefined);
  assert.equal(one.lines.length, 1);
  const two = make({ level: "INFO", holdForHook: true });
  two.log.info("a");
  two.logging.flush();
  two.logging.flush();
  assert.equal(two.lines.length, 1);
});

test("a hook that takes a line keeps it from the sinks, now or later; a failing hook loses nothing", async () => {
  const { logging, log, lines } = make({ level: "INFO" });
  logging.attachHook((item) => {
    if (item.message === "throws") throw new Error("x");
    if (item.message === "rejects") return Promise.reject(new Error("x"));
    if (item.message === "later yes") return Promise.resolve(true);
    if (item.message === "later no") return Promise.resolve(false);
    return item.message === "yes";
  });
  for (const message of ["throws", "rejects", "later yes", "later no", "yes", "no"]) log.info(message);
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert.deepEqual(lines.map((line) => line.slice("[INFO] [-] [core] ".length)).sort(), [
    "later no",
    "no",
    "rejects",
    "throws",
  ]);
});

test("what a log hook logs itself does not come back to it", () => {
  const { logging, log, lines } = make({ level: "INFO" });
  let calls = 0;
  logging.attachHook(() => {
    calls++;
    log.info("from the hook");
    return true;
  });
  log.info("x");
  assert.equal(calls, 1);
  assert.deepEqual(lines, ["[INFO] [-] [core] from the hook"]);
});

test("events are heard whatever the level, and a sink that throws stops nobody", () => {
  const heard: string[] = [];
  const bad = new Lines();
  bad.log = () => {
    throw new Error("disk full");
  };
  const good = new Lines();
  const logging = createLogging({
    clock: { now: () => 0 },
    sinks: [bad, good],
    level: "ERROR",
    onEvent: (name) => void heard.push(name),
  });
  logging.root.event("queue", { code: 250, msg: "x" });
  logging.root.error("y");
  assert.deepEqual(heard, ["queue"]);
  assert.deepEqual(good.lines, ["[ERROR] [-] [core] y"]);
});
