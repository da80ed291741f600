import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { parseCommandLine } from "../../src/cli/options.ts";
import { tryPlugin } from "../../src/cli/try_plugin.ts";
import type { TryAction } from "../../src/cli/tool_options.ts";
import { captured } from "../kit/captured.ts";
import { temporaryDir, writeSite } from "../kit/site.ts";
import { test } from "../kit/test.ts";
import { zone } from "../kit/zone.ts";

const TELLER = `
const hooks = {};
for (const name of ["connect", "helo", "ehlo", "mail", "rcpt", "data", "data_post", "queue", "queue_outbound", "queue_ok", "quit"]) {
  hooks[name] = ({ session }) => session.log.notice("heard " + name + " of " + session.remote.ip);
}
export default { name: "teller", hooks };
`;
const REFUSER = `
import { deny } from "kasi";
export default { name: "refuser", hooks: {
  mail: ({ sender }) => deny("I do not like " + sender),
  data_post: ({ message }) => { message.header.append?.("X-Tried", "yes"); },
} };
`;

async function run(...args: string[]): Promise<{ code: number; lines: string[] }> {
  const dir = temporaryDir();
  writeSite(dir, {
    files: { "config/plugins": "teller\n", "plugins/teller.ts": TELLER, "plugins/refuser.ts": REFUSER },
  });
  writeFileSync(`${dir}/message`, "Subject: mine\n\n.a dot\nin front\n");
  const at = await captured();
  const machine = { ...at.machine, resolver: zone({}) };
  const action = parseCommandLine(["-c", dir, ...args.map((arg) => arg.replace("@DIR", dir))]) as TryAction;
  assert.equal(action.do, "try");
  try {
    return { code: await tryPlugin(action, { machine, out: at.out }), lines: at.said.join("\n").split("\n") };
  } finally {
    rmSync(dir, { recursive: true });
  }
}
const heard = (lines: readonly string[]) => lines.flatMap((line) => /heard (\S+)/.exec(line)?.[1] ?? []);
const IN_ORDER = ["connect", "ehlo", "mail", "rcpt", "data", "data_post", "queue", "queue_ok", "quit"];

test("[row 14] -t runs the hooks of a plugin in order over a made-up mail", async () => {
  const { code, lines } = await run("-t", "teller");
  assert.equal(code, 0);
  assert.deepEqual(heard(lines), IN_ORDER);
  assert.ok(lines.some((line) => /heard connect of 1\.2\.3\.4$/.test(line)));
  for (const line of ["C: EHLO test.example.com", "C: MAIL FROM:<test@example.com>", "C: RCPT TO:<test@example.com>"]) {
    assert.ok(lines.includes(line), line);
  }
  assert.ok(lines.some((line) => /^ {2}rcpt: teller said nothing \([\d.]+ ms\)$/.test(line)));
  assert.deepEqual(heard((await run("-t", "all")).lines), IN_ORDER, "all: those of config/plugins");
});

test("[row 14] --ip, --helo, --envfrom, --envrcpt and --set-relay say who the client is and what it wants", async () => {
  const args = [
    "--ip",
    "192.0.2.7",
    "--helo",
    "me.test",
    "--envfrom",
    "a@b.test",
    "--envrcpt",
    "c@d.test",
    "--set-relay",
  ];
  const { code, lines } = await run("-t", "teller", ...args);
  assert.equal(code, 0);
  assert.deepEqual(heard(lines), IN_ORDER.map((name) => ({ ehlo: "helo", queue: "queue_outbound" })[name] ?? name));
  assert.ok(lines.some((line) => /of 192\.0\.2\.7$/.test(line)));
  for (const line of ["C: HELO me.test", "C: MAIL FROM:<a@b.test>", "C: RCPT TO:<c@d.test>"]) {
    assert.ok(lines.includes(line));
  }
  assert.ok((await run("-t", "teller", "--ehlo", "you.test")).lines.includes("C: EHLO you.test"));
});

test("[row 14] --message, --dump-stream and --dump-mime show a message as it reaches the queue", async () => {
  const { lines } = await run("-t", "teller", "--message", "@DIR/message", "--dump-stream", "--dump-mime");
  const text = lines.join("\n");
  assert.match(text, /Subject: mine\r\n(?:.*\r\n)*\r\n\.a dot\r\nin front\r\n/);
  assert.match(text, /^text\/plain\n {2}\| \.a dot\n {2}\| in front$/m);
});

test("[row 14] the first refusal ends it with 1, and says who gave it; --skip-deny goes on", async () => {
  const { code, lines } = await run("-t", "refuser,teller");
  assert.equal(code, 1);
  assert.deepEqual(heard(lines), ["connect", "ehlo", "quit"]);
  const wanted = /^MAIL answered 550 I do not like <test@example\.com>, because refuser said deny ".*" at mail$/;
  assert.ok(lines.some((line) => wanted.test(line)), lines.join("\n"));
  const skipped = await run("-t", "refuser,teller", "--skip-deny");
  assert.equal(skipped.code, 0);
  assert.deepEqual(heard(skipped.lines), IN_ORDER);
});
