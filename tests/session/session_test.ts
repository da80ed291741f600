/** Whole sessions: what the client sees, what the log and the hooks are told, and what is left when something breaks. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import process from "node:process";
import { latin1Encode } from "../../src/base/bytes.ts";
import type { Session, Transaction } from "../../src/hooks/session.ts";
import { deny, ok } from "../../src/hooks/verdict.ts";
import { settled } from "../kit/fake_clock.ts";
import { FAKE_TLS, MemoryBody, type SessionKit, sessionKit } from "../kit/session_kit.ts";
import { parseTalk, playInMemory } from "../kit/talk.ts";
import { test } from "../kit/test.ts";
import { zone } from "../kit/zone.ts";

async function hello(kit: SessionKit): Promise<void> {
  await kit.client.reply();
  await kit.client.say("EHLO me");
}

async function mail(kit: SessionKit, text = "Subject: x\r\n\r\nbody"): Promise<string> {
  await kit.client.say("MAIL FROM:<a@b.test>");
  await kit.client.say("RCPT TO:<c@d.test>");
  await kit.client.say("DATA");
  return (await kit.client.say(`${text}\r\n.`))!;
}

async function over(kit: SessionKit): Promise<void> {
  await kit.client.end();
  await kit.client.rest();
  await kit.clock.advance(3000);
  await kit.over;
}

test("[row 110] tolerant and strict_rfc1869 reading of addresses", async () => {
  for (const name of ["tolerant", "strict"]) {
    const file = `${name}.talk`;
    await playInMemory(parseTalk(file, readFileSync(new URL(`../talks/${file}`, import.meta.url), "utf8")));
  }
});

test("[row 68] a transaction's id is the session's with a number", async () => {
  const ids: string[] = [];
  const kit = sessionKit({
    keep: true,
    hooks: { mail: ({ session, transaction }) => void ids.push(session.id, transaction.id) },
  });
  await hello(kit);
  assert.match(await mail(kit), /\.1\)$/);
  assert.match(await mail(kit), /\.2\)$/);
  assert.match(ids[0]!, /^[0-9A-F]{8}-[0-9A-F]{4}-4[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}$/);
  assert.deepEqual(ids, [ids[0], `${ids[0]}.1`, ids[0], `${ids[0]}.2`]);
  await over(kit);
});

test("the summary lines are told with their counters", async () => {
  const kit = sessionKit({
    keep: true,
    hooks: { rcpt: ({ recipient }) => recipient.address.user === "bad" ? deny("bad one") : undefined },
  });
  await hello(kit);
  await kit.client.say("NONSENSE");
  await kit.client.say("MAIL FROM:<a@b.test>");
  await kit.client.say("RCPT TO:<bad@d.test>");
  await kit.client.say("RCPT TO:<c@d.test>");
  await kit.client.say("DATA");
  await kit.client.say("Message-Id: <m@b.test>\r\n\r\nx\r\n.");
  await kit.client.say("QUIT");
  await kit.over;
  assert.deepEqual(kit.log.of("connect"), [{
    ip: "192.0.2.100",
    port: 41_000,
    local_ip: "198.51.100.1",
    local_port: 25,
  }]);
  assert.deepEqual(kit.log.of("sender").map(({ address, code }) => [address, code]), [["<a@b.test>", 250]]);
  assert.deepEqual(kit.log.of("recipient").map(({ address, code }) => [address, code]), [["<bad@d.test>", 550], [
    "<c@d.test>",
    250,
  ]]);
  const [message] = kit.log.of("message");
  assert.equal(message!.mid, "<m@b.test>");
  assert.equal(message!.rcpts, "1/0/1");
  assert.equal(kit.log.of("queue")[0]!.code, 250);
  const [end] = kit.log.of("disconnect");
  assert.deepEqual(
    {
      rdns: end!.rdns,
      helo: end!.helo,
      relay: end!.relay,
      esmtp: end!.esmtp,
      tls: end!.tls,
      pipe: end!.pipe,
      errors: end!.errors,
    },
    { rdns: "client.test", helo: "me", relay: "N", esmtp: "Y", tls: "N", pipe: "N", errors: 1 },
  );
  assert.deepEqual([end!.txns, end!.rcpts, end!.msgs, end!.bytes], [1, "1/0/1", "1/0/0", 29]);
  assert.match(end!.lr, /^550 bad one/);
});

test("[row 113] a rejected recipient is off the list, and later ones are still fine", async () => {
  const kit = sessionKit({
    keep: true,
    hooks: { rcpt: ({ recipient }) => recipient.address.user === "no" ? deny() : undefined },
  });
  await hello(kit);
  await kit.client.say("MAIL FROM:<a@b.test>");
  assert.match((await kit.client.say("RCPT TO:<one@d.test>"))!, /^250/);
  assert.match((await kit.client.say("RCPT TO:<no@d.test>"))!, /^550/);
  assert.match((await kit.client.say("RCPT TO:<two@d.test>"))!, /^250/);
  await kit.client.say("DATA");
  await kit.client.say("x\r\n.");
  assert.deepEqual(kit.taken[0]!.envelope.recipients.map(({ address }) => address.address), [
    "one@d.test",
    "two@d.test",
  ]);
  await over(kit);
});

test("[row 151] plugins may edit the list of recipients", async () => {
  const kit = sessionKit({
    keep: true,
    hooks: {
      data_post: ({ transaction }) => {
        transaction.recipients = [...transaction.recipients, {
          ...transaction.recipients[0]!,
          parameters: new Map([["X", null]]),
        }];
      },
    },
  });
  await hello(kit);
  await mail(kit);
  assert.equal(kit.taken[0]!.envelope.recipients.length, 2);
  await over(kit);
});

test("[row 104] SMTPUTF8 addresses are accepted and preserved", async () => {
  const kit = sessionKit({ keep: true });
  await hello(kit);
  assert.match((await kit.client.say("MAIL FROM:<jürgen@b.test> SMTPUTF8"))!, /^250/);
  assert.match((await kit.client.say("RCPT TO:<用户@例子.test>"))!, /^250/);
  await kit.client.say("DATA");
  await kit.client.say("x\r\n.");
  const { envelope } = kit.taken[0]!;
  assert.equal(envelope.sender.address, "jürgen@b.test");
  assert.equal(envelope.recipients[0]!.address.user, "用户");
  assert.equal(envelope.recipients[0]!.address.originalHost, "例子.test");
  assert.equal(envelope.smtpUtf8, true);
  await over(kit);
});

test("[row 94] relaying is the transaction's while there is one, and lost with it", async () => {
  const seen: boolean[] = [];
  const kit = sessionKit({
    hooks: {
      mail: ({ session }) => {
        seen.push(session.relaying);
        session.relaying = true;
        seen.push(session.relaying);
      },
      noop: ({ session }) => void seen.push(session.relaying),
    },
  });
  await hello(kit);
  await kit.client.say("MAIL FROM:<a@b.test>");
  assert.match((await kit.client.say("RCPT TO:<c@d.test>"))!, /^250/);
  await kit.client.say("RSET");
  await kit.client.say("NOOP");
  assert.deepEqual(seen, [false, true, false]);
  await over(kit);
});

test("a client that may relay names a submission by a field that goes no further; one that was taken before gets that one's 250", async () => {
  const known: { first?: string } = {};
  const keys: (string | undefined)[] = [];
  const run = async (relaying: boolean, field: string, settings = { idempotencyHeader: "Idempotency-Key" }) => {
    const kit = sessionKit({
      settings,
      hooks: {
        connect: ({ session }) => void (session.relaying = relaying),
        rcpt: () => ok(),
        queue: () => ok(),
      },
      enqueue: ({ key }) => {
        keys.push(key);
        return Promise.resolve(known.first === undefined ? undefined : { id: known.first, repeated: true });
      },
    });
    await hello(kit);
    const reply = await mail(kit, `${field}Subject: x\r\n\r\nbody`);
    await over(kit);
    return { reply, text: kit.taken[0]?.text };
  };
  const once = await run(true, "idempotency-key: a b c\r\n");
  assert.match(once.text!, /^Subject: x\r$/m);
  assert.doesNotMatch(once.text!, /idempotency/i);
  known.first = "FIRST.1";
  assert.match((await run(true, "Idempotency-Key:  a b c \r\n")).reply, /^250 2\.0\.0 Message Queued \(FIRST\.1\)/);
  await run(true, "Idempotency-Key: other\r\n");
  await run(true, "Idempotency-Key: \r\n");
  await run(true, "");
  await run(true, "Idempotency-Key: a b c\r\n", { idempotencyHeader: "" });
  // Who may not relay has nothing to say here.
  await run(false, "Idempotency-Key: a b c\r\n");
  assert.equal(keys.length, 6);
  assert.ok(keys[0] !== undefined && keys[0] === keys[1]);
  assert.ok(keys[2] !== undefined && keys[2] !== keys[0]);
  assert.deepEqual(keys.slice(3), [undefined, undefined, undefined]);
});

test("relayed mail goes to the outbound queue, and gets the Message-Id and Date it lacks", async () => {
  const kit = sessionKit({ hooks: { connect: ({ session }) => void (session.relaying = true) } });
  await hello(kit);
  assert.match(await mail(kit, "Message-Id: <>\r\nSubject: x\r\n\r\nbody"), /^250 2\.0\.0 Message Queued/);
  const { by, envelope, text } = kit.taken[0]!;
  assert.equal(by, "outbound");
  assert.match(text, new RegExp(`^Message-Id: <${envelope.id}@mx\\.test>\\r\\n`, "m"));
  assert.equal(text.match(/^Message-Id:/gm)!.length, 1);
  assert.match(text, /^Date: \w{3}, 1 Jan 2026 /m);
  await over(kit);
});

test("a queue that cannot keep the mail is 451, and the session goes on", async () => {
  let broken = true;
  const kit = sessionKit({
    hooks: { connect: ({ session }) => void (session.relaying = true) },
    enqueue: () => broken ? Promise.reject(new Error("disk full")) : Promise.resolve(),
  });
  await hello(kit);
  assert.match(await mail(kit), /^451 4\.3\.0 Local trouble, try again later \(.*\.1\)$/);
  assert.match(kit.log.text(), /disk full/);
  broken = false;
  assert.match(await mail(kit), /^250 /);
  await over(kit);
});

test("[row 126] the Received field names hello, peer, us, protocol, id, sender, cipher and authentication", async () => {
  const received = async (greeting: string, tls: boolean, auth: boolean) => {
    const kit = sessionKit({
      keep: true,
      settings: { addReceived: true },
      ...(tls ? { tls: FAKE_TLS } : {}),
      hooks: {
        capabilities: ({ capabilities }) => void capabilities.auth.add("PLAIN"),
        auth: () => ok(),
        rcpt: () => ok(),
        queue_outbound: async ({ message }) => {
          text = (message.header.getAll("Received"))[0]!;
          return ok();
        },
        queue: async ({ message }) => {
          text = (message.header.getAll("Received"))[0]!;
          return ok();
        },
      },
    });
    let text = "";
    await kit.client.reply();
    await kit.client.say(greeting);
    if (auth) await kit.client.say("AUTH PLAIN AHRpbQBzZWNyZXQ=");
    assert.match(await mail(kit), /^250/);
    await over(kit);
    return text;
  };
  const plain = await received("HELO me", false, false);
  assert.match(
    plain,
    /^from me \(client\.test \[192\.0\.2\.100\]\)\s+by mx\.test \(Kasi\/1\.2\.3\) with SMTP id [0-9A-F-]+\.1\s+envelope-from <a@b\.test>;\s+Thu, 1 Jan 2026 /,
  );
  assert.match(await received("EHLO me", false, false), / with ESMTP id /);
  assert.match(await received("EHLO me", true, false), / with ESMTPS id .*tls TLS_AES_256_GCM_SHA384;/s);
  assert.match(await received("EHLO me", false, true), / with ESMTPA id .*\(authenticated bits=0\);/s);
  assert.match(await received("EHLO me", true, true), / with ESMTPSA id /);
});

test("[row 128] a forged Authentication-Results is renamed, and our own stands on top", async () => {
  const kit = sessionKit({
    keep: true,
    hooks: {
      data_post: ({ transaction }) => void transaction.notes.set("authentication_results", ["spf=pass", "dkim=none"]),
    },
  });
  await hello(kit);
  await mail(kit, "authentication-results: mx.test; spf=pass\r\nSubject: x\r\n\r\nbody");
  const { text } = kit.taken[0]!;
  assert.match(text, /^Authentication-Results: mx\.test;\r\n\tspf=pass;\r\n\tdkim=none\r\n/);
  assert.match(text, /^Original-Authentication-Results: mx\.test; spf=pass\r$/m);
  assert.doesNotMatch(text, /^authentication-results:/m);
  await over(kit);
});

test("[row 130] early talkers are noticed: before the banner, and behind a command that must end its group", async () => {
  const early = async (talk: (kit: SessionKit) => Promise<void>) => {
    let face: Session | undefined;
    const kit = sessionKit({ hooks: { connect: async ({ session }) => void (face = session, await settled()) } });
    await talk(kit);
    const was = face!.earlyTalker;
    await over(kit);
    return was;
  };
  assert.equal(
    await early(async (kit) =>
      void (await kit.client.write("EHLO me\r\n"), await kit.client.reply(), await kit.client.reply())
    ),
    true,
  );
  assert.equal(await early(async (kit) => void (await hello(kit), await kit.client.say("NOOP"))), false);
  assert.equal(
    await early(async (kit) =>
      void (await hello(kit), await kit.client.write("NOOP\r\nNOOP\r\n"), await kit.client.reply())
    ),
    true,
  );
  assert.equal(
    await early(async (kit) =>
      void (await hello(kit),
        await kit.client.write("RSET\r\nMAIL FROM:<a@b.test>\r\nNOOP\r\n"),
        await kit.client.reply())
    ),
    false,
  );
});

test("replies to a group leave in one write", async () => {
  const kit = sessionKit({ keep: true });
  await hello(kit);
  await kit.client.write("MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nRCPT TO:<e@d.test>\r\nDATA\r\n");
  await settled();
  // All four are there before the first is read.
  assert.match((await kit.client.line())!, /^250 2\.1\.0/);
  assert.match((await kit.client.line())!, /^250 2\.1\.5/);
  assert.match((await kit.client.line())!, /^250 2\.1\.5/);
  assert.match((await kit.client.line())!, /^354/);
  await over(kit);
});

test("a plugin that never answers is put off after its time, and the session goes on", async () => {
  const kit = sessionKit({
    plugins: [{ name: "slow", timeoutMs: 5000, hooks: { mail: () => new Promise<undefined>(() => {}) } }],
  });
  await hello(kit);
  const reply = kit.client.say("MAIL FROM:<a@b.test>");
  await kit.clock.advance(5000);
  assert.match((await reply)!, /^451 4\.3\.0 Local trouble, try again later \(.*\.1\)$/);
  assert.match(kit.log.text(), /slow.*no answer within 5 s/);
  assert.match((await kit.client.say("NOOP"))!, /^250/);
  await over(kit);
});

test("[row 77] with on_fault=continue a hook that throws counts as having said nothing", async () => {
  const kit = sessionKit({
    onFault: "continue",
    hooks: {
      mail: () => {
        throw new Error("oh");
      },
    },
  });
  await hello(kit);
  assert.match((await kit.client.say("MAIL FROM:<a@b.test>"))!, /^250/);
  assert.match(kit.log.text(), /oh/);
  await over(kit);
});

test("[row 78] a second answer is not heard: the reply is sent once", async () => {
  const kit = sessionKit({
    hooks: {
      mail: () =>
        new Promise<ReturnType<typeof deny> | ReturnType<typeof ok>>((resolve) => {
          resolve(deny("first"));
          resolve(ok());
        }),
    },
  });
  await hello(kit);
  assert.equal(await kit.client.say("MAIL FROM:<a@b.test>"), "550 5.7.1 first");
  assert.match((await kit.client.say("NOOP"))!, /^250/);
  await over(kit);
});

test("[row 83] a client that drops amid a hook: disconnect runs at once, and the late answer is not heeded", async () => {
  const heard: string[] = [];
  let face: Transaction | undefined;
  let aborted = false;
  let late = (_: undefined) => {};
  const kit = sessionKit({
    hooks: {
      mail: ({ transaction, signal }) => {
        face = transaction;
        signal.addEventListener("abort", () => aborted = true);
        return new Promise<undefined>((resolve) => late = resolve);
      },
      reset_transaction: () => void heard.push("reset_transaction"),
      disconnect: ({ session }) => void heard.push(`disconnect ${session.remote.closed}`),
    },
  });
  await hello(kit);
  await kit.client.write("MAIL FROM:<a@b.test>\r\n");
  await settled();
  kit.client.drop();
  await kit.over;
  assert.deepEqual(heard, ["reset_transaction", "disconnect true"]);
  assert.equal(aborted, true);
  late(undefined);
  await settled();
  assert.deepEqual(heard.length, 2);
  // Whoever still holds the transaction finds it whole.
  assert.equal(face!.sender.address, "a@b.test");
});

test("[row 98] a client that goes runs the disconnect hook with remote.closed", async () => {
  let closed: boolean | undefined;
  const kit = sessionKit({ hooks: { disconnect: ({ session }) => void (closed = session.remote.closed) } });
  await hello(kit);
  await kit.client.end();
  await kit.over;
  assert.equal(closed, true);
});

test("a client that drops within a message leaves nothing behind", async () => {
  const kit = sessionKit({ keep: true, settings: { spoolAfter: 1000 } });
  await hello(kit);
  await kit.client.say("MAIL FROM:<a@b.test>");
  await kit.client.say("RCPT TO:<c@d.test>");
  await kit.client.say("DATA");
  await kit.client.write(`${"x".repeat(70)}\r\n`.repeat(100));
  await settled();
  kit.client.drop();
  await kit.over;
  assert.equal(kit.taken.length, 0);
  assert.deepEqual(kit.spools.map((body) => body.discarded), [true]);
  assert.equal(kit.clock.pending, 0);
});

test("a disk that fails within a message is 451 behind it, and nothing of it is read as commands", async () => {
  class Full extends MemoryBody {
    override write(): void {
      throw new Error("no space left on device");
    }
  }
  const body = new Full();
  const kit = sessionKit({ keep: true, settings: { spoolAfter: 0 }, spool: () => body });
  await hello(kit);
  const reply = await mail(kit, `${"MAIL FROM:<evil@b.test>\r\n".repeat(8000)}x`);
  assert.match(reply, /^451 4\.3\.0 Local trouble/);
  assert.match(kit.log.text(), /no space left/);
  assert.equal(body.discarded, true);
  assert.match((await kit.client.say("NOOP"))!, /^250/);
  await over(kit);
});

test("a large body streams to its file in blocks, and comes out whole", async () => {
  const kit = sessionKit({ keep: true, settings: { spoolAfter: 1000 }, limits: { dataBytes: 0 } });
  await hello(kit);
  const text = `Subject: x\r\n\r\n${"0123456789abcdef".repeat(4)}\r\n`.repeat(4000);
  assert.match(await mail(kit, text.slice(0, -2)), /^250/);
  assert.equal(kit.taken[0]!.text, text);
  assert.ok(kit.spools[0]!.writes.every((size) => size <= 64 * 1024));
  await over(kit);
});

test("a line of 10 MB ends the session, and is not kept", async () => {
  const kit = sessionKit();
  await kit.client.reply();
  const before = process.memoryUsage().arrayBuffers;
  const piece = latin1Encode("x".repeat(65_536));
  const writing = (async () => {
    for (let i = 0; i < 160; i++) await kit.client.write(piece);
  })();
  assert.equal(await kit.client.reply(), "521 Command line too long");
  await settled();
  assert.ok(process.memoryUsage().arrayBuffers - before < 4_000_000);
  await kit.clock.advance(3000);
  await kit.over;
  kit.client.drop();
  await writing;
});

test("a peer that takes nothing is given up after the inactivity timeout", async () => {
  const kit = sessionKit({ settings: { inactivityTimeoutMs: 30_000 } });
  await kit.client.reply();
  void kit.client.write("HELP\r\n".repeat(20_000));
  await settled();
  await kit.clock.advance(61_000);
  await kit.over;
  assert.match(kit.log.text(), /idle for too long/);
  kit.client.drop();
});

test("a server that stops says 421 to those who wait", async () => {
  const kit = sessionKit();
  await hello(kit);
  kit.stop.abort();
  assert.match((await kit.client.reply())!, /^421 4\.3\.2 /);
  await over(kit);
});

test("a mistake of our own ends this session with 421 and its id", async () => {
  const kit = sessionKit({
    resolver: {
      resolve: () => Promise.reject(new Error("no resolver at all")),
    },
    hooks: {
      ehlo: ({ session }) =>
        void Object.defineProperty(session, "results", {
          get: (): never => {
            throw new TypeError("oops");
          },
        }),
    },
  });
  await hello(kit);
  const reply = await kit.client.say("EHLO again");
  assert.match(reply!, /^421 4\.3\.0 Internal Server Error \([0-9A-F-]+\)$/);
  await over(kit);
});

test("the name of the peer: found, none, nobody knows", async () => {
  const cases = [
    [{ "100.2.0.192.in-addr.arpa": { PTR: ["a.test"] } }, "a.test"],
    [{}, "NXDOMAIN"],
    [{ "100.2.0.192.in-addr.arpa": "servfail" }, "DNSERROR"],
  ] as const;
  for (const [records, name] of cases) {
    let seen = "";
    const kit = sessionKit({
      resolver: zone(records),
      hooks: { connect: ({ session }) => void (seen = session.remote.host) },
    });
    await kit.client.reply();
    assert.equal(seen, name);
    await over(kit);
  }
});
