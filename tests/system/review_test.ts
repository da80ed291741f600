/** What a review of the doors to strangers found wrong, over real sockets: each of these failed once. */
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { join } from "node:path";
import { readMaildir, startKasi } from "../kit/site.ts";
import { SmtpClient } from "../kit/smtp_client.ts";
import { test } from "../kit/test.ts";

const SLOW_QUEUE = `export default { name: "slow", setup() { return {
  data_post() { return new Promise((resolve) => setTimeout(resolve, 300)); } }; } };`;
const PLUGINS = "relay\ntls\nrcpt_to.in_host_list\nslow\nqueue/maildir\n";
const FILES = { "config/plugins": PLUGINS, "plugins/slow.js": SLOW_QUEUE };
const ENVELOPE = "EHLO me\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@kasi.test>\r\nDATA\r\n";
const codes = (replies: readonly string[]) => replies.map((reply) => reply.slice(0, 3));

test("a client that says everything and ends its direction gets every reply, and its mail is kept once", async () => {
  await using kasi = await startKasi({ files: FILES });
  for (const [i, last] of ["", "QUIT\r\n"].entries()) {
    await using client = await SmtpClient.connect(kasi.port);
    await client.write(`${ENVELOPE}Subject: half\r\n\r\nclosed\r\n.\r\n${last}`);
    client.end();
    assert.deepEqual(codes(await client.rest()), ["220", "250", "250", "250", "354", "250", ...(last ? ["221"] : [])]);
    assert.equal(readMaildir(join(kasi.dir, "mail/kasi.test/c/new")).length, i + 1);
  }
});

test("the same under TLS", async () => {
  await using kasi = await startKasi({ files: FILES });
  await using client = await SmtpClient.connect(kasi.port);
  await client.hello();
  assert.match(await client.startTls(), /^220 /);
  await client.write(`${ENVELOPE}Subject: half\r\n\r\nclosed\r\n.\r\n`);
  client.end();
  assert.deepEqual(codes(await client.rest()), ["250", "250", "250", "354", "250"]);
  assert.equal(readMaildir(join(kasi.dir, "mail/kasi.test/c/new")).length, 1);
});

test("a stop with everything hanging takes as long as it may and no longer, and its exit code is 0", async () => {
  const hangs = `const never = new Promise(() => {});
    export default { name: "hangs", setup() { return { queue: () => never }; }, stop: () => never };`;
  await using kasi = await startKasi({
    smtpIni: "force_shutdown_timeout=3\n",
    files: { "config/plugins": "rcpt_to.in_host_list\nhangs\nqueue/maildir\n", "plugins/hangs.js": hangs },
  });
  await using client = await SmtpClient.connect(kasi.port);
  await client.write(`${ENVELOPE}Subject: x\r\n\r\nx\r\n.\r\n`);
  while (!(await client.reply())?.startsWith("354"));
  const before = performance.now();
  assert.equal(await kasi.stop(), 0);
  const took = performance.now() - before;
  assert.ok(took > 2500 && took < 5000, `${took} ms`);
});

test("what is in the queue is for nobody else to read", async () => {
  await using kasi = await startKasi({});
  assert.equal(statSync(join(kasi.dir, "queue")).mode & 0o077, 0);
});
