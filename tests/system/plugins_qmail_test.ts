/** queue/qmail-queue with a program that does what qmail-queue does: it reads descriptors 0 and 1, and ends with a code. */
import assert from "node:assert/strict";
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../src/host/run.ts";
import { startKasi, temporaryDir } from "../kit/site.ts";
import { SmtpClient } from "../kit/smtp_client.ts";
import { test } from "../kit/test.ts";

/** Writes down what it read; ends with the code that stands in the subject. */
const PROGRAM = `#!/bin/sh
cat > "$0.message"
cat <&1 > "$0.envelope"
code=$(sed -n 's/^Subject: //p' "$0.message")
[ "$code" = 0 ] || echo "not today" >&2
exit "$code"
`;

function program(text: string): string {
  const path = join(temporaryDir("kasi-qmail-"), "qmail-queue");
  writeFileSync(path, text);
  chmodSync(path, 0o755);
  return path;
}

test("[row 251] qmail-queue is run with message and envelope on two descriptors; only 0 is a yes", async () => {
  const path = program(PROGRAM);
  await using kasi = await startKasi({
    files: {
      "config/plugins": "rcpt_to.in_host_list\nqueue/qmail-queue\n",
      "config/host_list": "kasi.test\n",
      "config/qmail-queue.path": `${path}\n`,
    },
  });
  await using client = await SmtpClient.connect(kasi.port);
  await client.hello();
  const mail = (code: number, body: string) =>
    client.mail("me@client.test", ["a@kasi.test", "b@kasi.test"], `Subject: ${code}\r\n\r\n${body}`);
  const large = `${"x".repeat(76)}\r\n`.repeat(30_000);
  assert.match(await mail(0, `..dot\r\n${large}`), /^250 /);
  assert.equal(readFileSync(`${path}.envelope`, "latin1"), "Fme@client.test\0Ta@kasi.test\0Tb@kasi.test\0\0");
  const message = readFileSync(`${path}.message`, "latin1");
  assert.equal(message.slice(message.indexOf("\n\n")), `\n\n.dot\n${large.replaceAll("\r", "")}`);
  assert.match(message, /^Received: from client\.test /);
  assert.match(await mail(31, "x\r\n"), /^451 /);
  await kasi.untilLogged(/qmail-queue ended with 31 \(refused for good\).*not today/);
  rmSync(join(path, ".."), { recursive: true });
});

test("a program that is late or aborted is killed, one that cannot be started is a fault", async () => {
  const path = program(`#!/bin/sh\nexec sleep 60\n`);
  const { signal } = new AbortController();
  const options = { program: path, args: [], reads: ["/dev/null", "/dev/null"], timeoutMs: 60_000, signal };
  await assert.rejects(run({ ...options, timeoutMs: 300 }), /timed out after 300 ms/);
  const gone = new AbortController();
  const running = run({ ...options, signal: gone.signal });
  gone.abort(new Error("the client has gone"));
  await assert.rejects(running, /the client has gone/);
  await assert.rejects(run({ ...options, signal: gone.signal }), /the client has gone/);
  await assert.rejects(run({ ...options, program: `${path}.missing` }));
  const echo = await run({
    ...options,
    program: "/bin/sh",
    args: ["-c", 'echo "$1" >&2; exit 7', "x", "$(id) ; `id`"],
  });
  assert.deepEqual(echo, { code: 7, complaint: "$(id) ; `id`" });
  assert.ok(existsSync(path));
  rmSync(join(path, ".."), { recursive: true });
});
