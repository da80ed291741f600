import assert from "node:assert/strict";
import { terminal } from "../../src/cli/terminal.ts";
import { memoryMachine } from "../kit/memory_host.ts";
import { test } from "../kit/test.ts";

test("terminal() ends each text with one line feed, words to stdout and complaints to stderr", () => {
  const machine = memoryMachine();
  const out = terminal(machine.host);
  assert.equal(out.say("one\n"), 0);
  out.say("zwölf");
  out.complain("no");
  out.write(new TextEncoder().encode("as it is"));
  assert.deepEqual(machine.printed, { stdout: "one\nzwölf\nas it is", stderr: "no\n" });
});

test("a reader that has seen enough is no fault; a full disk is", () => {
  const broken = (message: string) => ({
    writeSync: () => {
      throw new Error(message);
    },
    isTerminal: () => false,
  });
  const at = (message: string) => terminal({ stdout: broken(message), stderr: broken(message) });
  assert.equal(at("Broken pipe (os error 32)").say("x"), 0);
  assert.equal(at("write EPIPE").say("x"), 0);
  assert.throws(() => at("No space left on device").say("x"), /No space/);
});
