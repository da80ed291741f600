/** A message's body over real connections: attachments that stream and hold up the client, banners in what is stored, the file of a large message. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { rssOf, RssWatch } from "../kit/relay_site.ts";
import { eventually, readMaildir, startKasi } from "../kit/site.ts";
import { SmtpClient } from "../kit/smtp_client.ts";
import { test } from "../kit/test.ts";

const MIB = 1024 * 1024;

/** Says in the log what it has read, after a while; puts a banner on all mail; refuses mail for `no`. */
const LOOK = `
import { deny } from "kasi";
import { createHash } from "node:crypto";
export default {
  name: "look",
  setup: ({ log }) => ({
    data({ transaction }) {
      transaction.body.setBanner("Sent by Kasi");
      transaction.body.onAttachment(async ({ filename, type, stream }) => {
        log.notice("holding up");
        await new Promise((resolve) => setTimeout(resolve, 500));
        log.notice("reading");
        const hash = createHash("sha256");
        let size = 0;
        for await (const octets of stream) { hash.update(octets); size += octets.length; }
        log.notice(\`read \${filename} \${type} \${size} \${hash.digest("hex")}\`);
      });
      return undefined;
    },
    async data_post({ transaction }) {
      const count = (part) => 1 + part.children.reduce((sum, child) => sum + count(child), 0);
      log.notice(\`parts \${count(await transaction.body.tree())}\`);
      if (transaction.recipients.some(({ address }) => address.user === "no")) return deny("no");
      return undefined;
    },
  }),
};
`;
const FILES = {
  "plugins/look.mjs": LOOK,
  "config/plugins": "./plugins/look.mjs\nrcpt_to.in_host_list\nqueue/maildir\n",
  "config/host_list": "kasi.test\n",
  "config/maildir.ini": "[main]\nline_ends=crlf\n",
};

/** Files of large bodies, wherever the queue keeps them. */
function bodyFiles(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: "utf8" }).filter((name) => /body\/[^/]+\.eml$/.test(name));
}

function mixed(size: number): { text: string; sha256: string; size: number } {
  const octets = Buffer.alloc(size, "0123456789abcdef\n");
  const lines = octets.toString("base64").replace(/.{76}/g, "$&\r\n");
  return {
    size,
    sha256: createHash("sha256").update(octets).digest("hex"),
    text:
      'Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhi\r\n--b\r\nContent-Type: application/x-big; name="b.bin"\r\n' +
      `Content-Transfer-Encoding: base64\r\n\r\n${lines}\r\n--b--\r\n`,
  };
}

async function envelope(client: SmtpClient, user: string): Promise<void> {
  for (const line of ["MAIL FROM:<a@one.test>", `RCPT TO:<${user}@kasi.test>`, "DATA"]) {
    assert.match(await client.say(line), /^[23]/);
  }
}

test(
  "[row 142] [row 143] an attachment of 16 MiB is read while it arrives, the client held up meanwhile, in little memory; the banner is in what is stored",
  {
    timeoutMs: 90_000,
  },
  async () => {
    await using kasi = await startKasi({ files: FILES });
    await using client = await SmtpClient.connect(kasi.port);
    await client.hello();
    const { text, sha256, size } = mixed(16 * MIB);
    const idle = rssOf(kasi.pid);
    using watch = new RssWatch(kasi.pid);
    await envelope(client, "u");
    let sentAt = 0;
    const sending = client.write(`${text}.\r\n`).then(() => sentAt = performance.now());
    await kasi.untilLogged(/reading/);
    const readAt = performance.now();
    await sending;
    assert.ok(sentAt > readAt, "the client was held up until somebody read");
    assert.match(await client.reply() ?? "", /^250/);
    assert.match(kasi.output(), new RegExp(`read b\\.bin application/x-big ${size} ${sha256}`));
    assert.ok(watch.peak - idle < 96, `RSS grew from ${idle.toFixed(0)} to ${watch.peak.toFixed(0)} MiB`);
    const [kept] = readMaildir(join(kasi.dir, "mail/kasi.test/u/new"));
    assert.equal(
      kept!.slice(kept!.indexOf("\r\n\r\n--b")),
      text.slice(text.indexOf("\r\n\r\n--b")).replace("hi", "hi\r\n\r\nSent by Kasi\r\n"),
    );
    assert.deepEqual(bodyFiles(kasi.dir), []);
  },
);

test("[row 148] a large message is a file while it is here; it goes with a refusal, and with a client that leaves", async () => {
  await using kasi = await startKasi({ files: FILES });
  const { text } = mixed(2 * MIB);
  const half = text.length >> 1;
  for (const end of ["refused", "left", "taken"] as const) {
    await using client = await SmtpClient.connect(kasi.port);
    await client.hello();
    await envelope(client, end === "refused" ? "no" : "u");
    await client.write(text.slice(0, half + MIB / 2));
    await eventually(() => bodyFiles(kasi.dir).length === 1, 10_000, "the file");
    if (end !== "left") {
      await client.write(`${text.slice(half + MIB / 2)}.\r\n`);
      assert.match(await client.reply() ?? "", end === "refused" ? /^550/ : /^250/);
    } else await client[Symbol.asyncDispose]();
    await eventually(() => bodyFiles(kasi.dir).length === 0, 10_000, `no file once it is ${end}`);
  }
});

test("[row 150] 150 nested multiparts and 10 000 parts are taken and shown, in little memory", async () => {
  await using kasi = await startKasi({ files: { ...FILES, "config/connection.ini": "[max]\nmime_parts=0\n" } });
  await using client = await SmtpClient.connect(kasi.port);
  await client.hello();
  let deep = "text\r\n";
  for (let i = 0; i < 150; i++) {
    deep = `Content-Type: multipart/mixed; boundary=b${i}\r\n\r\n--b${i}\r\n${deep}\r\n--b${i}--\r\n`;
  }
  const many = `Content-Type: multipart/mixed; boundary=b\r\n\r\n${"--b\r\n\r\nx\r\n".repeat(10_000)}--b--\r\n`;
  const idle = rssOf(kasi.pid);
  using watch = new RssWatch(kasi.pid);
  for (const [text, parts] of [[deep, 101], [many, 10_000]] as const) {
    await envelope(client, "u");
    await client.write(`${text}.\r\n`);
    assert.match(await client.reply() ?? "", /^250/);
    await kasi.untilLogged(new RegExp(`parts ${parts}\\b`));
  }
  assert.ok(watch.peak - idle < 96, `RSS grew from ${idle.toFixed(0)} to ${watch.peak.toFixed(0)} MiB`);
});
