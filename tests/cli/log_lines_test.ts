import assert from "node:assert/strict";
import { logFile, logLines, sessionOf } from "../../src/cli/log_lines.ts";
import { memoryMachine } from "../kit/memory_host.ts";
import { test } from "../kit/test.ts";

test("logLines() reads a file of any size line by line, whatever ends them", () => {
  const machine = memoryMachine();
  const long = "ä".repeat(70_000);
  machine.host.writeTextFileSync("/log", `one\r\n${long}\n\nlast`);
  assert.deepEqual([...logLines("/log", machine)], ["one", long, "", "last"]);
  assert.throws(() => [...logLines("/nowhere", machine)]);
});

test("logFile() is the file given, the site's daemon log where there is one, else standard input", async () => {
  const machine = memoryMachine();
  const { host } = machine;
  host.mkdirSync("/site/config", { recursive: true });
  host.writeTextFileSync("/site/config/smtp.ini", "daemonize=true\ndaemon_log_file=/log\n");
  assert.equal(await logFile("x", undefined, machine), "x");
  assert.equal(await logFile("-", "/site", machine), undefined);
  assert.equal(await logFile(undefined, undefined, machine), undefined);
  assert.equal(await logFile(undefined, "/site", machine), undefined, "it is not there yet");
  host.writeTextFileSync("/log", "");
  assert.equal(await logFile(undefined, "/site", machine), "/log");
  host.writeTextFileSync("/site/config/smtp.ini", "daemon_log_file=/log\n");
  assert.equal(await logFile(undefined, "/site", machine), undefined, "an old file of a server in the foreground");
});

test("sessionOf() is the id in front of the first dot", () => {
  assert.deepEqual(["A-B", "A-B.1", "A-B.1.2", ""].map(sessionOf), ["A-B", "A-B", "A-B", ""]);
});
