import assert from "node:assert/strict";
import { ConfigError, describeFault } from "../../src/base/config_error.ts";
import { test } from "../kit/test.ts";

test("a fault says file, line, setting, what stands there and what is wanted, in one line", () => {
  const fault = {
    file: "smtp.ini",
    line: 12,
    setting: "[main] port",
    current: "x\ny",
    wanted: "a port",
    nearest: "ports",
  };
  assert.equal(
    describeFault(fault),
    'smtp.ini:12: [main] port: current value is "x\\ny"; wanted: a port (did you mean "ports"?)',
  );
  assert.equal(
    describeFault({ file: "tls_key.pem", wanted: "a readable file" }),
    "tls_key.pem: wanted: a readable file",
  );
});

test("the error carries its fault and its cause", () => {
  const cause = new Error("EACCES");
  const error = new ConfigError({ file: "a", wanted: "b" }, { cause });
  assert.equal(error.name, "ConfigError");
  assert.equal(error.message, "a: wanted: b");
  assert.equal(error.fault.file, "a");
  assert.equal(error.cause, cause);
});
