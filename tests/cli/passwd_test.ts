import assert from "node:assert/strict";
import plugin from "../../plugins/auth/flat_file.ts";
import { passwd } from "../../src/cli/passwd.ts";
import { PASSWORD_KINDS } from "../../src/cli/tool_options.ts";
import { parseCommandLine } from "../../src/cli/options.ts";
import { shownPassword } from "../../src/session/auth_exchange.ts";
import { captured } from "../kit/captured.ts";
import { hook } from "../kit/hook.ts";
import { test } from "../kit/test.ts";

async function run(input: string, line: string, terminal?: { raw: boolean[]; asked: string }): Promise<string> {
  const at = await captured();
  let left = new TextEncoder().encode(input);
  const stdin = {
    isTerminal: () => terminal !== undefined,
    setRaw: (raw: boolean) => void terminal?.raw.push(raw),
    readSync(into: Uint8Array) {
      // In drips, as a pipe may.
      const count = Math.min(into.length, left.length, 3);
      into.set(left.subarray(0, count));
      left = left.subarray(count);
      return count === 0 ? null : count;
    },
  };
  const action = parseCommandLine(line.split(" "));
  assert.equal(action.do, "passwd");
  if (action.do !== "passwd") throw new Error();
  const stderr = {
    ...at.machine.host.stderr,
    writeSync(bytes: Uint8Array) {
      if (terminal !== undefined) terminal.asked += new TextDecoder().decode(bytes);
      return bytes.length;
    },
  };
  const machine = { ...at.machine, host: { ...at.machine.host, stdin, stderr } };
  assert.equal(await passwd(action, { machine, out: at.out }), 0);
  return at.said.join("\n");
}

test("the line it prints lets the user in, whatever its kind", async () => {
  for (const kind of PASSWORD_KINDS) {
    const line = await run("Grüße  you\r\nnot this\n", `passwd alice@example.com ${kind}`);
    const files = { "auth_flat_file.ini": `[core]\nmethods=PLAIN\n[users]\n${line}\n` };
    for (const [password, kind] of [["Grüße  you", "ok"], ["Grüße you", "deny"]] as const) {
      const attempt = shownPassword("PLAIN", "alice@example.com", password);
      assert.equal((await hook(plugin, "auth", { files, event: { attempt } })).verdict?.kind, kind, line);
    }
  }
});

test("without USER it prints what stands behind the sign; argon2id without KIND", async () => {
  assert.match(await run("s3cret", "passwd"), /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  assert.match(await run("s3cret", "passwd bob"), /^bob = \$argon2id\$/);
});

test("no password, a name an ini file would misread, and an unknown kind are refused", async () => {
  await assert.rejects(run("\n", "passwd bob"), /standard input/);
  await assert.rejects(run("", "passwd bob"), /standard input/);
  await assert.rejects(run("x".repeat(2000), "passwd bob"), /more than 1024/);
  for (const name of ["[users]", ";bob", "a=b", "a[]"]) {
    await assert.rejects(run("s3cret\n", `passwd ${name}`), /Not a name/);
  }
  const reason = "passwd makes one of argon2, scrypt, bcrypt, scram";
  assert.deepEqual(parseCommandLine(["passwd", "bob", "md5"]), { do: "unknown", reason });
  assert.equal(parseCommandLine(["passwd", "bob", "scram", "x"]).do, "unknown");
});

test("at a terminal it is typed unseen: erased and cleared as usual, and the terminal is as before whatever came", async () => {
  const terminal = { raw: [] as boolean[], asked: "" };
  const line = await run("wrong\x15Grüße€\x7f\x7fe\rrest", "passwd bob scrypt", terminal);
  assert.deepEqual(terminal, { raw: [true, false], asked: "Password: \n" });
  const files = { "auth_flat_file.ini": `[core]\nmethods=PLAIN\n[users]\n${line}\n` };
  const attempt = shownPassword("PLAIN", "bob", "Grüße");
  assert.equal((await hook(plugin, "auth", { files, event: { attempt } })).verdict?.kind, "ok", line);

  await assert.rejects(run("abc\x03", "passwd bob", terminal), /No password/);
  assert.deepEqual(terminal.raw, [true, false, true, false]);
});
