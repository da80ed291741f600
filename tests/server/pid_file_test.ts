import assert from "node:assert/strict";
import { ConfigError } from "../../src/base/config_error.ts";
import { claimPidFile } from "../../src/server/pid_file.ts";
import { memoryMachine } from "../kit/memory_host.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { test } from "../kit/test.ts";

const BOOTED = 1_000_000;

/** A machine whose process 77 began so many seconds after the boot. */
function machineWith(startedSeconds?: number) {
  const { host, clock } = memoryMachine();
  for (const dir of ["/run", "/proc/77"]) host.mkdirSync(dir, { recursive: true });
  host.writeTextFileSync("/proc/stat", `cpu 1 2 3\nbtime ${BOOTED}\n`);
  if (startedSeconds !== undefined) {
    const fields = ["S", ...Array.from({ length: 18 }, () => "0"), String(startedSeconds * 100), "0"];
    host.writeTextFileSync("/proc/77/stat", `77 (a ) name) ${fields.join(" ")}\n`);
  }
  const written = (atSeconds: number, text = "77\n") => {
    host.writeTextFileSync("/run/kasi.pid", text);
    const found = host.statSync;
    host.statSync = (path) => ({ ...found(path), mtime: new Date((BOOTED + atSeconds) * 1000) });
  };
  return { host, clock, written };
}

test("claimPidFile() writes the number and takes it away again", () => {
  const { host } = machineWith();
  const memory = memoryLog();
  const file = claimPidFile(host, "/run/kasi.pid", memory.log);
  assert.equal(host.readTextFileSync("/run/kasi.pid"), "4242\n");
  file.remove();
  assert.throws(() => host.readTextFileSync("/run/kasi.pid"));
  file.remove();
  assert.equal(memory.text(), "");
});

test("one that is another's by now is left alone", () => {
  const { host } = machineWith();
  const file = claimPidFile(host, "/run/kasi.pid", memoryLog().log);
  host.writeTextFileSync("/run/kasi.pid", "99\n");
  file.remove();
  assert.equal(host.readTextFileSync("/run/kasi.pid"), "99\n");
});

test("a living process's file stops the start", () => {
  const { host, written } = machineWith(100);
  written(200);
  assert.throws(() => claimPidFile(host, "/run/kasi.pid", memoryLog().log), (cause: unknown) => {
    assert.ok(cause instanceof ConfigError);
    assert.match(cause.message, /daemon_pid_file: current value is "\/run\/kasi\.pid".*process 77 runs/);
    return true;
  });
});

test("a file left behind is taken over: its process is gone, is younger than the file, or has no number", () => {
  for (const [started, text] of [[undefined, "77\n"], [300, "77\n"], [100, "\n"]] as const) {
    const { host, written } = machineWith(started);
    written(200, text);
    const memory = memoryLog();
    claimPidFile(host, "/run/kasi.pid", memory.log);
    assert.equal(host.readTextFileSync("/run/kasi.pid"), "4242\n");
    assert.match(memory.text(), /was left behind/);
  }
});

test("a file that cannot be made is the operator's slip", () => {
  const { host } = machineWith();
  assert.throws(() => claimPidFile(host, "/nowhere/kasi.pid", memoryLog().log), ConfigError);
});
