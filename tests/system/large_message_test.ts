/**
 * Large messages pass in constant memory, and every body keeps its octets, through queue and delivery and into a Maildir.
 *
 * 64 MiB; 1 GiB with `KASI_LONG=1`.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { type Bytes, concat } from "../../src/base/bytes.ts";
import { pause, seeded } from "../kit/load.ts";
import { LONG, relaySite, rssOf, RssWatch } from "../kit/relay_site.ts";
import { eventually, readMaildir, startKasi } from "../kit/site.ts";
import { SmtpClient } from "../kit/smtp_client.ts";
import { test } from "../kit/test.ts";
import { TokenSink } from "../kit/tokens.ts";

const MIB = 1024 * 1024;
const SIZE = (LONG ? 1024 : 64) * MIB;
const HEADER = (token: string) => `Subject: large\r\nX-Token: ${token}\r\nMessage-ID: <${token}@test>\r\n\r\n`;
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** Lines of every octet but CR and LF, of many lengths, some of which are or begin with dots. Begins with 16 digits. */
function block(size: number): Buffer {
  const random = seeded(7);
  const out = Buffer.alloc(size);
  let left = 70;
  for (let i = 0; i < size; i++) {
    const octet = Math.floor(random() * 256);
    out[i] = octet === 13 || octet === 10 ? 0x2e : octet;
    if (--left === 0) left = 1 + Math.floor(random() * 900);
    if (left === 1 && i + 8 < size) {
      out.write("\r\n.", i, "latin1");
      i += 2;
      left = 2 + Math.floor(random() * 200);
      if (random() < 0.1 && i + 8 < size) {
        out.write("\r\n", i + 1, "latin1");
        i += 2;
      }
    }
  }
  out.write("0".repeat(16) + "\r\n", 0, "latin1");
  out.write("\r\n", size - 2, "latin1");
  return out;
}

/** As DATA wants it (RFC 5321 §4.5.2); for a text that begins a line. */
function stuffed(bytes: Buffer): Buffer {
  return Buffer.from(bytes.toString("latin1").replace(/(^|\r\n)\./g, "$1.."), "latin1");
}

test(`a message of ${SIZE / MIB} MiB passes unchanged, with memory growing by less than 64 MiB`, {
  timeoutMs: 300_000,
}, async () => {
  await using sink = await TokenSink.start({ hash: true });
  await using kasi = await startKasi({
    files: relaySite(sink.port, { "config/connection.ini": "[max]\nbytes=2147483648\n" }),
  });
  await using client = await SmtpClient.connect(kasi.port);
  await client.hello();
  assert.match(await client.mail("a@one.test", ["b@one.test"], HEADER("small") + "Hello\r\n"), /^250/);
  await eventually(() => sink.taken.length === 1);
  await pause(500);
  const idle = rssOf(kasi.pid);

  const plain = block(256 * 1024);
  const wire = stuffed(plain);
  const hash = createHash("sha256");
  const began = performance.now();
  let peak: number;
  {
    using watch = new RssWatch(kasi.pid);
    for (const line of ["MAIL FROM:<a@one.test> BODY=8BITMIME", "RCPT TO:<b@one.test>", "DATA"]) {
      assert.match(await client.say(line), /^[23]/);
    }
    await client.write(HEADER("large"));
    for (let n = 0; n * plain.length < SIZE; n++) {
      const digits = String(n).padStart(16, "0");
      plain.write(digits, 0, "latin1");
      wire.write(digits, 0, "latin1");
      hash.update(plain);
      await client.write(wire);
    }
    await client.write(".\r\n");
    assert.match(await client.reply() ?? "", /^250/);
    const accepted = performance.now() - began;
    await eventually(() => sink.taken.length === 2, 240_000, "the large message at the next hop");
    peak = watch.peak;
    console.log(
      `${SIZE / MIB} MiB: accepted in ${(accepted / 1000).toFixed(1)} s, delivered after ` +
        `${((performance.now() - began) / 1000).toFixed(1)} s; RSS ${idle.toFixed(0)} MiB idle, ${
          peak.toFixed(0)
        } MiB peak`,
    );
  }
  const [, taken] = sink.taken;
  assert.equal(taken!.token, "large");
  assert.equal(taken!.size, SIZE);
  assert.equal(taken!.sha256, hash.digest("hex"));
  assert.ok(peak - idle < 64, `RSS grew from ${idle.toFixed(1)} to ${peak.toFixed(1)} MiB`);
});

test("a next hop that reads slowly is waited for without memory", { timeoutMs: 120_000 }, async () => {
  await using sink = await TokenSink.start({ hash: true, paceMs: 5 });
  await using kasi = await startKasi({ files: relaySite(sink.port) });
  await using client = await SmtpClient.connect(kasi.port);
  await client.hello();
  const idle = rssOf(kasi.pid);
  using watch = new RssWatch(kasi.pid);
  const body = block(24 * MIB);
  assert.match(
    await client.mail("a@one.test", ["b@one.test"], concat([bytesOf(HEADER("slow")), stuffed(body)])),
    /^250/,
  );
  await eventually(() => sink.taken.length === 1, 90_000, "the message at the slow next hop");
  assert.equal(sink.taken[0]!.sha256, sha256(body));
  assert.ok(watch.peak - idle < 64, `RSS grew from ${idle.toFixed(1)} to ${watch.peak.toFixed(1)} MiB`);
});

const bytesOf = (text: string): Bytes => new Uint8Array(Buffer.from(text, "latin1"));
const EVERY_OCTET = Buffer.concat([
  Buffer.from(Array.from({ length: 256 }, (_, i) => i).filter((octet) => octet !== 13 && octet !== 10)),
  Buffer.from("\r\n"),
]);
const BODIES: { readonly [name: string]: { readonly body: Buffer; readonly by: "DATA" | "BDAT" } } = {
  "every octet but CR and LF": { body: EVERY_OCTET, by: "DATA" },
  "every octet, in chunks": { body: EVERY_OCTET, by: "BDAT" },
  "lines of dots": { body: Buffer.from(".\r\n..\r\n...\r\n.a\r\n\r\n.\r\n\r\n.\r\n"), by: "DATA" },
  "lines of dots, in chunks": { body: Buffer.from(".\r\n..\r\n.\r\n"), by: "BDAT" },
  "no final line end": { body: Buffer.from("one\r\ntwo"), by: "BDAT" },
  "a dot and no final line end": { body: Buffer.from("one\r\n."), by: "BDAT" },
  "an empty body": { body: Buffer.alloc(0), by: "DATA" },
  "an empty body, in chunks": { body: Buffer.alloc(0), by: "BDAT" },
  "empty lines": { body: Buffer.from("\r\n\r\n\r\n"), by: "DATA" },
  "a line of ten million octets": {
    body: Buffer.concat([Buffer.alloc(10_000_000, "x"), Buffer.from("\r\nend\r\n")]),
    by: "DATA",
  },
  "every octet, too many for memory": { body: block(3 * MIB), by: "DATA" },
  "too many for memory, no final line end": { body: block(2 * MIB).subarray(0, -2), by: "BDAT" },
};

test("every kind of body keeps its octets, to the next hop and into the Maildir", { timeoutMs: 120_000 }, async () => {
  await using sink = await TokenSink.start({ hash: true });
  await using kasi = await startKasi({
    files: relaySite(sink.port, {
      "config/plugins": "to_next_hop\nrcpt_to.in_host_list\nqueue/maildir\n",
      "config/host_list": "kasi.test\n",
      "config/maildir.ini": "[main]\nline_ends=crlf\n",
    }),
  });
  await using client = await SmtpClient.connect(kasi.port);
  await client.hello();
  for (const [n, [name, { body, by }]] of Object.entries(BODIES).entries()) {
    const user = `u${n}`;
    for (
      const line of ["MAIL FROM:<a@one.test> BODY=8BITMIME", `RCPT TO:<${user}@kasi.test>`, "RCPT TO:<b@far.test>"]
    ) {
      assert.match(await client.say(line), /^250/);
    }
    const header = bytesOf(HEADER(`t${n}`));
    if (by === "DATA") {
      assert.match(await client.say("DATA"), /^354/);
      await client.write(concat([header, stuffed(body), bytesOf(".\r\n")]));
    } else {
      // Cut where it hurts: within the header, and the octets behind it in two pieces.
      const whole = concat([header, body]);
      const cuts = [0, header.length - 3, header.length + (body.length >> 1), whole.length];
      for (let i = 0; i + 1 < cuts.length; i++) {
        const last = i + 2 === cuts.length;
        await client.write(`BDAT ${cuts[i + 1]! - cuts[i]!}${last ? " LAST" : ""}\r\n`);
        await client.write(whole.subarray(cuts[i], cuts[i + 1]));
        if (!last) assert.match(await client.reply() ?? "", /^250/, name);
      }
    }
    assert.match(await client.reply() ?? "", /^250/, name);

    const [kept] = readMaildir(join(kasi.dir, "mail/kasi.test", user, "new"));
    assert.ok(kept !== undefined, `${name}: in the Maildir`);
    const local = Buffer.from(kept.slice(kept.indexOf("\r\n\r\n") + 4), "latin1");
    assert.ok(local.equals(body), `${name}: the Maildir has ${local.length} octets, sent were ${body.length}`);

    const taken = await eventually(() => sink.taken.find(({ token }) => token === `t${n}`), 15_000, name);
    // SMTP's end of content stands at the beginning of a line, so a line that has no end is given one (RFC 5321 §4.1.1.4).
    const open = body.length > 0 && body.subarray(-2).toString("latin1") !== "\r\n";
    const wanted = open ? Buffer.concat([body, Buffer.from("\r\n")]) : body;
    assert.equal(taken.size, wanted.length, name);
    assert.equal(taken.sha256, sha256(wanted), name);
  }
});
