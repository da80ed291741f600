import assert from "node:assert/strict";
import { ok } from "../../src/hooks/verdict.ts";
import { settled } from "../kit/fake_clock.ts";
import { type KitOptions, type SessionKit, sessionKit } from "../kit/session_kit.ts";
import { test } from "../kit/test.ts";

async function send(options: KitOptions, text: string): Promise<SessionKit & { readonly reply: string }> {
  const kit = sessionKit({ keep: true, ...options });
  await kit.client.reply();
  await kit.client.say("EHLO me");
  await kit.client.say("MAIL FROM:<a@b.test>");
  await kit.client.say("RCPT TO:<c@d.test>");
  await kit.client.say("DATA");
  const reply = (await kit.client.say(`${text}\r\n.`))!;
  await kit.client.say("QUIT");
  await kit.over;
  return { ...kit, reply };
}

test("[row 123] more header lines than the limit are worth a warning, no more", async () => {
  const header = Array.from({ length: 1001 }, (_, i) => `X-${i}: y`).join("\r\n");
  const { reply, log, taken } = await send({}, `${header}\r\n\r\nbody`);
  assert.match(reply, /^250/);
  assert.equal(taken.length, 1);
  assert.match(log.text(), /\[WARN\].*many lines of header/);
  assert.doesNotMatch((await send({}, "A: b\r\n\r\nbody")).log.text(), /many lines of header/);
});

test("[row 149] a message without an empty line keeps its octets", async () => {
  const { reply, taken } = await send({}, "this is no header\r\nnor this");
  assert.match(reply, /^250/);
  assert.equal(taken[0]!.text, "this is no header\r\nnor this\r\n");
});

test("hooks see the same message, spooled or not, as often as they like", async () => {
  for (const spoolAfter of [0, 1_000_000]) {
    const seen: string[] = [];
    const { taken, spools } = await send({
      settings: { spoolAfter, addReceived: true },
      hooks: {
        async data_post({ message }) {
          for (let i = 0; i < 2; i++) seen.push(await new Response(message.open()).text());
          message.header.add("X-Seen", "yes");
        },
      },
    }, "Subject: x\r\n\r\nbody");
    assert.match(seen[0]!, /^Received: from me .*\r\nSubject: x\r\n\r\nbody\r\n$/s);
    assert.equal(seen[1], seen[0]);
    assert.match(taken[0]!.text, /\r\nX-Seen: yes\r\n\r\nbody\r\n$/);
    assert.deepEqual(spools.map((body) => body.discarded), spoolAfter === 0 ? [true] : []);
  }
});

test("a header longer than a block of the file is still seen whole", async () => {
  const long = `X-Long: ${"y".repeat(900)}\r\n`.repeat(200);
  let subject: string | undefined;
  const { reply } = await send({
    settings: { spoolAfter: 0 },
    limits: { dataBytes: 0 },
    hooks: { data_post: ({ message }) => void (subject = message.header.get("Subject")) },
  }, `${long}Subject: at the end\r\n\r\nbody`);
  assert.match(reply, /^250/);
  assert.equal(subject, "at the end");
});

test("[row 138] fields that plugins add and remove reach the queue, each at its end", async () => {
  const { taken } = await send({
    hooks: {
      data_post({ message: { header } }) {
        header.add("X-Last", "1");
        header.addLeading("X-First", "2");
        header.remove("X-Gone");
      },
    },
  }, "Subject: x\r\nX-Gone: 1\r\n\r\nbody");
  assert.equal(taken[0]!.text, "X-First: 2\r\nSubject: x\r\nX-Last: 1\r\n\r\nbody\r\n");
});

test("queue's own text is followed by the id", async () => {
  const { reply } = await send({ hooks: { queue: () => ok("Thanks") } }, "x");
  assert.match(reply, /^250 2\.0\.0 Thanks \([0-9A-F-]+\.1\)$/);
});

test("results of the engine's own: sender, recipients, queue", async () => {
  let found: unknown;
  await send({
    hooks: {
      reset_transaction: ({ transaction }) => {
        found = [transaction.results.get("mail_from")?.action, transaction.results.get("queue")?.pass];
      },
    },
  }, "x");
  assert.deepEqual(found, ["accept", ["keeper"]]);
});

/** A mail whose last hook waits until it is told. */
async function untilQueued(hook: "data_post" | "queue") {
  let go = (_: undefined) => {};
  let aborted = false;
  const kit = sessionKit({
    keep: true,
    hooks: {
      [hook]: ({ signal }: { signal: AbortSignal }) => {
        signal.addEventListener("abort", () => aborted = true);
        return new Promise<undefined>((resolve) => go = resolve);
      },
    },
  });
  await kit.client.reply();
  await kit.client.say("EHLO me");
  await kit.client.say("MAIL FROM:<a@b.test>");
  await kit.client.say("RCPT TO:<c@d.test>");
  await kit.client.say("DATA");
  await kit.client.write("A: b\r\n\r\nbody\r\n.\r\n");
  await settled();
  return { kit, go: () => go(undefined), aborted: () => aborted };
}

test("a client that ends its direction behind the dot still hears what became of its mail", async () => {
  for (const hook of ["data_post", "queue"] as const) {
    const { kit, go, aborted } = await untilQueued(hook);
    await kit.client.end();
    await settled();
    assert.equal(aborted(), false);
    go();
    assert.deepEqual((await kit.client.rest()).map((reply) => reply.slice(0, 9)), ["250 2.0.0"]);
    await kit.over;
    assert.equal(kit.taken.length, 1);
  }
});

test("a server that stops while a mail is being taken says so behind the 250, not in its place", async () => {
  for (const hook of ["data_post", "queue"] as const) {
    const { kit, go, aborted } = await untilQueued(hook);
    kit.stop.abort(new Error("stop"));
    await settled();
    assert.equal(aborted(), false);
    go();
    assert.deepEqual((await kit.client.rest()).map((reply) => reply.slice(0, 9)), ["250 2.0.0", "421 4.3.2"]);
    await kit.client.end();
    await kit.over;
    assert.equal(kit.taken.length, 1);
  }
});

test("claims of others are disowned wherever in a header they stand; a header without an end in sight is refused", async () => {
  const claim = "Authentication-Results : mx.test; spf=pass";
  const filler = (octets: number) => `X-Long: ${"y".repeat(70)}\r\n`.repeat(octets / 80);
  for (const [octets, spoolAfter] of [[80, 1e6], [80, 0], [200_000, 0], [900_000, 1000]] as const) {
    const options = { settings: { spoolAfter }, limits: { dataBytes: 0 } };
    const { reply, taken } = await send(options, `${filler(octets)}${claim}\r\n\r\nbody`);
    assert.match(reply, /^250/);
    assert.match(taken[0]!.text, /^Original-Authentication-Results: mx\.test; spf=pass\r$/m);
    assert.doesNotMatch(taken[0]!.text, /^Authentication-Results/mi);
  }
  const hidden = { settings: { spoolAfter: 1000 }, limits: { dataBytes: 0 } };
  const { reply, taken } = await send(hidden, `${filler(1_200_000)}${claim}\r\n\r\nbody`);
  assert.equal(reply, "552 5.3.4 Message header too big");
  assert.equal(taken.length, 0);
});

for (const [how, spoolAfter] of [["in memory", 10_000_000], ["in a file", 0]] as const) {
  for (const chunked of [false, true]) {
    test(`[row 121] a message of 2000 parts, ${how}, by ${chunked ? "BDAT" : "DATA"}, is 554 and the end; one of 1000 is taken`, async () => {
      for (const [parts, code] of [[1000, 250], [2000, 554]] as const) {
        const kit = sessionKit({ keep: true, limits: { dataBytes: 0 }, settings: { spoolAfter } });
        await kit.client.reply();
        await kit.client.say("EHLO me");
        await kit.client.say("MAIL FROM:<a@b.test>");
        await kit.client.say("RCPT TO:<c@d.test>");
        const part = `--b\r\n\r\n${"x".repeat(100)}\r\n`;
        const body = `Content-Type: multipart/mixed; boundary=b\r\n\r\n${part.repeat(parts)}--b--\r\n`;
        if (!chunked) await kit.client.say("DATA");
        await kit.client.write(chunked ? `BDAT ${body.length} LAST\r\n${body}` : `${body}.\r\n`);
        const reply = await kit.client.reply();
        assert.equal(reply!.slice(0, 3), String(code));
        assert.equal(kit.taken.length, code === 250 ? 1 : 0);
        if (code === 554) assert.equal(await kit.client.line(), undefined);
        else assert.equal(kit.taken[0]!.text, body);
        await kit.client.end();
        await kit.clock.advance(3000);
        await kit.over;
        assert.equal(kit.log.of("disconnect")[0]!.msgs, code === 250 ? "1/0/0" : "0/0/1");
        for (const file of kit.spools) assert.equal(file.discarded, true);
      }
    });
  }
}
