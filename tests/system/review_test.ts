/** What a review of the doors to strangers found wrong, over real sockets: each of these failed once. */
import assert from "node:assert/strict";
import { readdirSync, statSync } from "node:fs";
import net from "node:net";
import { join } from "node:path";
import { eventually, readMaildir, startKasi } from "../kit/site.ts";
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

const descriptors = (pid: number) => readdirSync(`/proc/${pid}/fd`).length;

test("whatever way connections end, no descriptor and no session stays", { timeoutMs: 90_000 }, async () => {
  await using kasi = await startKasi({
    smtpIni: "inactivity_timeout=3\n",
    files: { "config/plugins": PLUGINS, "plugins/slow.js": SLOW_QUEUE },
  });
  const ways: readonly ((client: SmtpClient) => void | Promise<void>)[] = [
    (client) => client.end(),
    (client) => client.write(ENVELOPE).then(() => client.end()),
    (client) => client.write(`${ENVELOPE}half a message`).then(() => client.end()),
    (client) => client.write(`${ENVELOPE}a whole one\r\n.\r\n`),
    (client) => client.write("EHLO me\r\nSTARTTLS\r\n").then(() => client.end()),
    (client) => client.write("EHLO me\r\nSTARTTLS\r\n").then(() => client.write("garbage\r\n")),
    (client) => client.write("BDAT 100\r\nshort").then(() => client.end()),
    (client) => void (client.socket as net.Socket).resetAndDestroy(),
    () => {},
  ];
  const round = async () => {
    for (const way of ways) {
      const clients = await Promise.all(Array.from({ length: 20 }, () => SmtpClient.connect(kasi.port)));
      await Promise.all(clients.map(way));
      await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
    }
  };
  await round();
  const quiet = async () => {
    await new Promise((resolve) => setTimeout(resolve, 6000));
    return descriptors(kasi.pid);
  };
  const before = await quiet();
  for (let i = 0; i < 5; i++) await round();
  const after = await quiet();
  assert.ok(after <= before + 3, `${before} descriptors before, ${after} after`);
});

test("a client that talks and never reads is let go of", async () => {
  await using kasi = await startKasi({
    smtpIni: "inactivity_timeout=2\n",
    files: { "config/connection.ini": "[max]\nerrors=0\n" },
  });
  const idle = descriptors(kasi.pid);
  const socket = net.connect({ port: kasi.port, host: "127.0.0.1" });
  socket.on("error", () => {});
  socket.pause();
  const noops = "HELP\r\n".repeat(50_000);
  const feed = () => void (socket.writable && socket.write(noops, feed));
  feed();
  await kasi.untilLogged(/disconnect ip=/, 20_000);
  await eventually(() => descriptors(kasi.pid) <= idle + 1, 10_000, "the descriptor to go");
  socket.destroy();
});
